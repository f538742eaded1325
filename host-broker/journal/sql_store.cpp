#include "host-broker/journal/sql_store.hpp"

#include "host-broker/journal/grant_table.hpp"
#include "host-broker/journal/lease_table.hpp"
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
auto SqlStore::transact(Work work) -> decltype(work()) {
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
    return database_->error("write to", cause);
  }
}

Result<void> SqlStore::insert(const OperationRecord& operation, const std::vector<AuditNote>& notes, Timestamp now) {
  return transact([&]() -> Result<void> {
    TRY(operations_.insert(operation));
    for (const AuditNote& note : notes) audit_.append(note, now);
    return outcome::success();
  });
}

Result<void> SqlStore::update(const OperationRecord& operation, const std::vector<AuditNote>& notes, Timestamp now) {
  return transact([&]() -> Result<void> {
    TRY(operations_.update(operation));
    for (const AuditNote& note : notes) audit_.append(note, now);
    return outcome::success();
  });
}

Result<void> SqlStore::update_step(const OperationId& id, std::size_t position, const StepRecord& step) {
  return transact([&] { return operations_.update_step(id, position, step); });
}

Result<std::size_t> SqlStore::forget(Timestamp time) {
  return transact([&]() -> Result<std::size_t> {
    forget_grants(database_->session(), time);
    return operations_.forget(time);
  });
}

Result<void> SqlStore::append(const AuditNote& note, Timestamp now) {
  return transact([&]() -> Result<void> {
    audit_.append(note, now);
    return outcome::success();
  });
}

Result<Lease> SqlStore::pass_lease(const std::string& resource, std::uint64_t token, const std::optional<Uuid>& holder) {
  return transact([&] { return journal::pass_lease(database_->session(), resource, token, holder); });
}

Result<void> SqlStore::add_grant(const protocol::GrantView& grant) {
  return transact([&]() -> Result<void> {
    journal::add_grant(database_->session(), grant);
    return outcome::success();
  });
}

Result<void> SqlStore::use_grant(const OperationId& id) {
  return transact([&] { return journal::use_grant(database_->session(), id); });
}

Result<protocol::GrantView> SqlStore::revoke_grant(const OperationId& id) {
  return transact([&] { return journal::revoke_grant(database_->session(), id); });
}

Result<void> SqlStore::check_writable() {
  return transact([&]() -> Result<void> {
    // There is no version 0. A page that is written as it was would not be written at all.
    database_->session() << "insert into schema_version (version) values (0)";
    database_->session() << "delete from schema_version where version = 0";
    return outcome::success();
  });
}

}  // namespace zynclone::broker::journal
