#include "host-broker/journal/grant_table.hpp"

namespace zynclone::broker::journal {
namespace {

#define ZYNCLONE_GRANT_COLUMNS "id, vm, operations, created, expires, times, used, granted_by"

struct GrantRow {
  std::string id;
  std::string vm;
  std::string operations;
  long long created = 0;
  long long expires = 0;
  long long times = 0;
  long long used = 0;
  std::string by;
};

Timestamp time_of(long long milliseconds) { return Timestamp(std::chrono::milliseconds(milliseconds)); }

Result<protocol::GrantView> view_of(const GrantRow& row) {
  const auto id = OperationId::parse(row.id);
  const auto vm = VmName::parse(row.vm);
  if (!id || !vm || row.times < 1 || row.used < 0) {
    return fail(Errc::system, "cannot read grant '" + printable(row.id) + "': no version of this program wrote it");
  }
  protocol::GrantView grant{.id = id.value(), .vm = vm.value(), .operations = row.operations};
  grant.created = time_of(row.created);
  grant.until = time_of(row.expires);
  grant.times = static_cast<std::uint64_t>(row.times);
  grant.used = static_cast<std::uint64_t>(row.used);
  grant.by = row.by;
  return grant;
}

// soci's lists of bindings grow by value; this appends to one that is being built.
template <class Prepared>
auto& into_row(Prepared& prepared, GrantRow& row) {
  prepared, soci::into(row.id), soci::into(row.vm), soci::into(row.operations), soci::into(row.created), soci::into(row.expires),
      soci::into(row.times), soci::into(row.used), soci::into(row.by);
  return prepared;
}

}  // namespace

void add_grant(soci::session& session, const protocol::GrantView& grant) {
  const auto created = static_cast<long long>(grant.created.time_since_epoch().count());
  const auto expires = static_cast<long long>(grant.until.time_since_epoch().count());
  const auto times = static_cast<long long>(grant.times);
  const auto used = static_cast<long long>(grant.used);
  session << "insert into grants (" ZYNCLONE_GRANT_COLUMNS ") values (:id, :vm, :operations, :created, :expires, :times, :used, :by)",
      soci::use(grant.id.text(), "id"), soci::use(grant.vm.text(), "vm"), soci::use(grant.operations, "operations"),
      soci::use(created, "created"), soci::use(expires, "expires"), soci::use(times, "times"), soci::use(used, "used"), soci::use(grant.by, "by");
}

Result<void> use_grant(soci::session& session, const OperationId& id) {
  soci::statement use = (session.prepare << "update grants set used = used + 1 where id = :id and used < times", soci::use(id.text(), "id"));
  use.execute(true);
  if (use.get_affected_rows() != 0) return outcome::success();
  return fail(Errc::not_found, "cannot use grant '" + id.text() + "': there is none, or none any more");
}

Result<protocol::GrantView> revoke_grant(soci::session& session, const OperationId& id) {
  GrantRow row;
  auto prepared = (session.prepare << "select " ZYNCLONE_GRANT_COLUMNS " from grants where id = :id");
  into_row(prepared, row), soci::use(id.text(), "id");
  soci::statement select(prepared);
  select.execute();
  if (!select.fetch()) return fail(Errc::not_found, "cannot revoke grant '" + id.text() + "': there is none");
  TRY(auto grant, view_of(row));
  while (select.fetch()) {  // to the end, which releases the database's read lock
  }
  session << "update grants set used = times where id = :id", soci::use(id.text(), "id");
  return grant;
}

Result<std::vector<protocol::GrantView>> usable_grants(soci::session& session, const std::optional<VmName>& vm, Timestamp now) {
  const auto time = static_cast<long long>(now.time_since_epoch().count());
  const std::string name = vm ? vm->text() : std::string();  // no VM is called so
  GrantRow row;
  auto prepared = (session.prepare << "select " ZYNCLONE_GRANT_COLUMNS " from grants"
                                      " where used < times and expires > :now and (:vm = '' or vm = :vm) order by created, id");
  into_row(prepared, row), soci::use(time, "now"), soci::use(name, "vm");
  soci::statement select(prepared);
  select.execute();
  std::vector<protocol::GrantView> grants;
  while (select.fetch()) {
    TRY(auto grant, view_of(row));
    grants.push_back(std::move(grant));
  }
  return grants;
}

void forget_grants(soci::session& session, Timestamp time) {
  const auto before = static_cast<long long>(time.time_since_epoch().count());
  session << "delete from grants where expires < :before", soci::use(before, "before");
}

}  // namespace zynclone::broker::journal
