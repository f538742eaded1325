#include "host-broker/journal/sql_store.hpp"

#include "host-broker/journal/schema.hpp"

namespace zynclone::broker::journal {

SqlStore::SqlStore(std::unique_ptr<SqliteDatabase> database)
    : database_(std::move(database)), operations_(database_->session()), audit_(database_->session()) {}

Result<std::unique_ptr<SqlStore>> SqlStore::open(const std::filesystem::path& file) {
  TRY(auto database, SqliteDatabase::open(file, OpenAs::owner));
  TRY(migrate(*database));
  database->preallocate();
  try {
    return std::unique_ptr<SqlStore>(new SqlStore(std::move(database)));
  } catch (const soci::soci_error& cause) {
    return fail(Errc::system, "cannot open journal '" + file.string() + "': " + cause.what(), file.string());
  }
}

// Commits what `work` did, or undoes it when it failed.
template <class Work>
auto SqlStore::transact(std::string_view what, Work work) -> decltype(work()) {
  try {
    soci::transaction transaction(database_->session());
    auto result = work();
    if (result) {
      transaction.commit();
      audit_.committed();
    } else {
      transaction.rollback();
      audit_.rolled_back();
    }
    return result;
  } catch (const soci::soci_error& cause) {
    audit_.rolled_back();
    return database_->error(what, cause);
  }
}

Result<void> SqlStore::insert(const OperationRecord& operation, const std::vector<AuditNote>& notes, Timestamp now) {
  return transact("write to", [&]() -> Result<void> {
    TRY(operations_.insert(operation));
    for (const AuditNote& note : notes) audit_.append(note, now);
    return outcome::success();
  });
}

Result<void> SqlStore::update(const OperationRecord& operation, const std::vector<AuditNote>& notes, Timestamp now) {
  return transact("write to", [&]() -> Result<void> {
    TRY(operations_.update(operation));
    for (const AuditNote& note : notes) audit_.append(note, now);
    return outcome::success();
  });
}

Result<void> SqlStore::update_step(const OperationId& id, std::size_t position, const StepRecord& step) {
  return transact("write to", [&] { return operations_.update_step(id, position, step); });
}

Result<std::optional<OperationRecord>> SqlStore::find(const OperationId& id) {
  return transact("read", [&] { return operations_.find(id); });
}

Result<std::optional<OperationRecord>> SqlStore::find_request(const std::string& requester, const RequestId& id) {
  return transact("read", [&] { return operations_.find_request(requester, id); });
}

Result<std::vector<OperationRecord>> SqlStore::list(const OperationFilter& filter) {
  return transact("read", [&] { return operations_.list(filter); });
}

Result<std::size_t> SqlStore::forget(Timestamp time) {
  return transact("write to", [&]() -> Result<std::size_t> { return operations_.forget(time); });
}

Result<void> SqlStore::append(const AuditNote& note, Timestamp now) {
  return transact("write to", [&]() -> Result<void> {
    audit_.append(note, now);
    return outcome::success();
  });
}

Result<std::vector<protocol::AuditEntry>> SqlStore::entries(std::uint64_t after, std::size_t most) {
  return transact("read", [&]() -> Result<std::vector<protocol::AuditEntry>> { return read_audit(database_->session(), after, most); });
}

Result<void> SqlStore::check_writable() {
  return transact("write to", [&]() -> Result<void> {
    // There is no version 0. A page that is written as it was would not be written at all.
    database_->session() << "insert into schema_version (version) values (0)";
    database_->session() << "delete from schema_version where version = 0";
    return outcome::success();
  });
}

}  // namespace zynclone::broker::journal
