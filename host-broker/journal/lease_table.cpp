#include "host-broker/journal/lease_table.hpp"

namespace zynclone::broker::journal {
namespace {

std::string holder_text(const Lease& lease) { return lease.holder ? "'" + lease.holder->text() + "' holds it" : "nobody holds it"; }

}  // namespace

Result<Lease> read_lease(soci::session& session, const std::string& resource) {
  long long token = 0;
  std::string holder;
  soci::indicator has_holder = soci::i_null;
  soci::statement select = (session.prepare << "select token, holder from leases where resource = :resource", soci::into(token),
                            soci::into(holder, has_holder), soci::use(resource, "resource"));
  select.execute();
  Lease lease{.resource = resource, .holder = {}, .token = 0};
  if (!select.fetch()) return lease;
  if (token < 1) return fail(Errc::system, "cannot read lease '" + printable(resource) + "': token " + std::to_string(token) + " is none");
  lease.token = static_cast<std::uint64_t>(token);
  if (has_holder != soci::i_ok) return lease;
  auto member = Uuid::parse(holder);
  if (!member) return fail(Errc::system, "cannot read lease '" + printable(resource) + "': " + member.error().message);
  lease.holder = std::move(member.value());
  return lease;
}

Result<Lease> pass_lease(soci::session& session, const std::string& resource, std::uint64_t token, const std::optional<Uuid>& holder) {
  TRY(auto lease, read_lease(session, resource));
  if (lease.token != token) {
    return fail(Errc::conflict, "cannot pass lease '" + printable(resource) + "': " + holder_text(lease) + " with token " +
                                    std::to_string(lease.token) + ", not " + std::to_string(token));
  }
  lease.token += 1;
  lease.holder = holder;
  const auto next = static_cast<long long>(lease.token);
  const std::string text = holder ? holder->text() : "";
  soci::indicator has_holder = holder ? soci::i_ok : soci::i_null;
  if (token == 0) {
    session << "insert into leases (resource, holder, token) values (:resource, :holder, :token)", soci::use(resource, "resource"),
        soci::use(text, has_holder, "holder"), soci::use(next, "token");
  } else {
    session << "update leases set holder = :holder, token = :token where resource = :resource", soci::use(text, has_holder, "holder"),
        soci::use(next, "token"), soci::use(resource, "resource");
  }
  return lease;
}

}  // namespace zynclone::broker::journal
