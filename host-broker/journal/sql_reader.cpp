#include "host-broker/journal/sql_reader.hpp"

#include "host-broker/journal/audit_table.hpp"
#include "host-broker/journal/grant_table.hpp"
#include "host-broker/journal/lease_table.hpp"
#include "host-broker/journal/schema.hpp"

namespace zynclone::broker::journal {

SqlReader::SqlReader(std::unique_ptr<SqliteDatabase> database) : database_(std::move(database)), operations_(database_->session()) {}

Result<std::unique_ptr<SqlReader>> SqlReader::open(const std::filesystem::path& file) {
  TRY(auto database, SqliteDatabase::open(file, OpenAs::reader));
  TRY(check_schema(*database));
  return std::unique_ptr<SqlReader>(new SqlReader(std::move(database)));
}

// One transaction, so that an operation and its steps are of one moment.
template <class Work>
auto SqlReader::read(Work work) -> decltype(work()) {
  try {
    soci::transaction transaction(database_->session());
    auto result = work();
    transaction.commit();
    return result;
  } catch (const soci::soci_error& cause) {
    return database_->error("read", cause);
  }
}

Result<std::optional<OperationRecord>> SqlReader::find(const OperationId& id) {
  return read([&] { return operations_.find(id); });
}

Result<std::optional<OperationRecord>> SqlReader::find_request(const std::string& requester, const RequestId& id) {
  return read([&] { return operations_.find_request(requester, id); });
}

Result<std::vector<OperationRecord>> SqlReader::list(const OperationFilter& filter) {
  return read([&] { return operations_.list(filter); });
}

Result<std::vector<protocol::AuditEntry>> SqlReader::entries(std::uint64_t after, std::size_t most) {
  return read([&]() -> Result<std::vector<protocol::AuditEntry>> { return read_audit(database_->session(), after, most); });
}

Result<std::uint64_t> SqlReader::last_entry() {
  return read([&]() -> Result<std::uint64_t> { return last_audit_entry(database_->session()); });
}

Result<Lease> SqlReader::find_lease(const std::string& resource) {
  return read([&] { return read_lease(database_->session(), resource); });
}

Result<std::vector<protocol::GrantView>> SqlReader::usable_grants(const std::optional<VmName>& vm, Timestamp now) {
  return read([&] { return journal::usable_grants(database_->session(), vm, now); });
}

}  // namespace zynclone::broker::journal
