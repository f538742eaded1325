#include "host-broker/journal/schema.hpp"

namespace zynclone::broker::journal {
namespace {

using Statements = std::vector<std::string>;

// Times are milliseconds since 1970, UTC. `unfinished` repeats what `state` says, for a small index.
Statements first_version() {
  Statements statements = {
      "create table operation ("
      " id text not null primary key,"
      " family text not null,"
      " vm text not null,"
      " requester text not null,"
      " requester_name text not null,"
      " request_id text,"
      " request text not null,"
      " kind text not null,"
      " target text not null,"
      " state text not null,"
      " unfinished integer not null,"
      " undoing integer not null,"
      " cancel_requested integer not null,"
      " percent integer not null,"
      " created bigint not null,"
      " finished bigint,"
      " approval_expires bigint,"
      " approvers_needed integer not null,"
      " decision text not null,"
      " decision_place text not null,"
      " summary text not null,"
      " error_code text,"
      " error_message text,"
      " error_place text)",
      "create unique index operation_request on operation (requester, request_id) where request_id is not null",
      "create index operation_of_family on operation (family, created)",
      "create index operation_unfinished on operation (created) where unfinished = 1",
      "create table operation_step ("
      " operation text not null,"
      " position integer not null,"
      " name text not null,"
      " state text not null,"
      " text text not null,"
      " result text not null,"
      " primary key (operation, position),"
      " foreign key (operation) references operation (id) on delete cascade)",
      "create table operation_approver ("
      " operation text not null,"
      " position integer not null,"
      " name text not null,"
      " primary key (operation, position),"
      " foreign key (operation) references operation (id) on delete cascade)",
      "create table audit ("
      " sequence " + std::string(SqliteDatabase::k_row_number) + ","
      " time bigint not null,"
      " actor text not null,"
      " event text not null,"
      " operation text not null,"
      " detail text not null,"
      " previous text not null,"
      " hash text not null)",
  };
  for (std::string& statement : SqliteDatabase::refuse_change("audit")) statements.push_back(std::move(statement));
  return statements;
}

Statements second_version() { return {SqliteDatabase::refuse_replacement("audit", "sequence")}; }

Statements third_version() {
  return {
      "create table leases ("
      " resource text not null primary key,"
      " holder text,"
      " token bigint not null)",
  };
}

Statements fourth_version() {
  return {
      "create table grants ("
      " id text not null primary key,"
      " vm text not null,"
      " operations text not null,"
      " created bigint not null,"
      " expires bigint not null,"
      " times bigint not null,"
      " used bigint not null,"
      " granted_by text not null)",
  };
}

Statements fifth_version() { return {"alter table operation_step add column warning integer not null default 0"}; }

// From version n-1 to version n at position n-1.
std::vector<Statements> migrations() { return {first_version(), second_version(), third_version(), fourth_version(), fifth_version()}; }

// Within the caller's transaction or none.
int read_version(soci::session& session) {
  int version = 0;
  session << "select coalesce(max(version), 0) from schema_version", soci::into(version);
  return version;
}

Result<void> refuse(const SqliteDatabase& database, int version) {
  return fail(Errc::unsupported_version, "cannot open journal '" + database.file().string() + "': it has schema version " +
                                             std::to_string(version) + ", this program knows " + std::to_string(k_schema_version),
              database.file().string());
}

}  // namespace

Result<void> migrate(SqliteDatabase& database) {
  soci::session& session = database.session();
  try {
    session << "create table if not exists schema_version (version integer not null)";
    int version = read_version(session);
    if (version > k_schema_version) return refuse(database, version);
    const std::vector<Statements> steps = migrations();
    for (; version < k_schema_version; ++version) {
      soci::transaction transaction(session);
      for (const std::string& statement : steps[static_cast<std::size_t>(version)]) session << statement;
      session << "insert into schema_version (version) values (:version)", soci::use(version + 1);
      transaction.commit();
    }
    return outcome::success();
  } catch (const soci::soci_error& cause) {
    return database.error("set up", cause);
  }
}

Result<void> check_schema(SqliteDatabase& database) {
  try {
    const int version = read_version(database.session());
    if (version != k_schema_version) return refuse(database, version);
    return outcome::success();
  } catch (const soci::soci_error& cause) {
    return database.error("read", cause);
  }
}

}  // namespace zynclone::broker::journal
