#include "host-broker/journal/sqlite_database.hpp"

#include <soci/sqlite3/soci-sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace zynclone::broker::journal {
namespace {

constexpr int k_application_id = 0x5a436c6e;  // "ZCln" in the file's header, https://www.sqlite.org/pragma.html#pragma_application_id
constexpr int k_log_pages_before_upkeep = 1000;
constexpr off_t k_log_size = 1100 * 4120;  // bytes: that many pages and what one commit may add, each of 4 KiB with its header

sqlite_api::sqlite3* connection_of(soci::session& session) {
  // The library does not export the type's information, which rules out dynamic_cast; but no other back end is ever opened here.
  auto* backend = static_cast<soci::sqlite3_session_backend*>(session.get_backend());
  return backend == nullptr ? nullptr : backend->conn_;
}

// Of the last call that failed on the database's file or its log; 0 when none did. sqlite3_system_errno does not know of failed commits.
int last_errno(sqlite_api::sqlite3* connection) {
  int number = 0;
  if (connection == nullptr) return number;
  sqlite_api::sqlite3_file* log = nullptr;
  if (sqlite_api::sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK && log != nullptr &&
      log->pMethods != nullptr) {
    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &number);
  }
  if (number == 0) sqlite_api::sqlite3_file_control(connection, "main", SQLITE_FCNTL_LAST_ERRNO, &number);
  return number;
}

std::string quoted(const std::filesystem::path& file) { return "'" + file.string() + "'"; }

Error cannot_open(const std::filesystem::path& file, std::string cause, Errc code = Errc::system) {
  return Error{code, "cannot open journal " + quoted(file) + ": " + std::move(cause), file.string()};
}

// A second broker on the same journal would break the audit log's chain. SQLite's own lock in exclusive mode would keep readers out, too.
Result<Descriptor> lock_for_owner(const std::filesystem::path& file) {
  const std::string name = file.string() + ".lock";
  Descriptor lock(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return cannot_open(file, "cannot create '" + name + "': " + std::strerror(errno), errno == ENOSPC ? Errc::no_space : Errc::system);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return cannot_open(file, "another broker has it open", Errc::busy);
  return lock;
}

// SQLite would make it readable to everybody; it gives its other files the mode of this one.
Result<void> create_private(const std::filesystem::path& file) {
  Descriptor created(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (!created) return cannot_open(file, std::strerror(errno), errno == ENOSPC ? Errc::no_space : Errc::system);
  return outcome::success();
}

}  // namespace

SqliteDatabase::~SqliteDatabase() {
  try {
    session_.close();
  } catch (const soci::soci_error&) {  // what was committed is safe in the log
  }
}

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open(const std::filesystem::path& file, OpenAs how) {
  if (file.string().find('"') != std::string::npos) {  // it stands between quotes below
    return cannot_open(file, "a path without '\"' is allowed", Errc::invalid_argument);
  }
  Descriptor lock;
  if (how == OpenAs::owner) {
    TRY(lock, lock_for_owner(file));
    TRY(create_private(file));
  } else if (!std::filesystem::exists(file)) {
    return cannot_open(file, "there is none", Errc::not_found);
  }
  std::unique_ptr<SqliteDatabase> database(new SqliteDatabase(file, std::move(lock)));
  TRY(database->connect(how));
  return database;
}

Result<void> SqliteDatabase::connect(OpenAs how) {
  try {
    session_.open(soci::sqlite3, "dbname=\"" + file_.string() + "\" timeout=5" + (how == OpenAs::reader ? " readonly=1" : ""));
    TRY(check_identity());
    if (how == OpenAs::reader) return outcome::success();
    return check_owner_settings();
  } catch (const soci::soci_error& cause) {
    return error("open", cause);
  }
}

Result<void> SqliteDatabase::check_identity() {
  int application = 0;
  int tables = 0;
  session_ << "pragma application_id", soci::into(application);
  session_ << "select count(*) from sqlite_master", soci::into(tables);
  const bool is_new = application == 0 && tables == 0;
  if (application != k_application_id && !is_new) {
    return cannot_open(file_, "it is a database of something else");
  }
  return outcome::success();
}

Result<void> SqliteDatabase::check_owner_settings() {
  std::string said;
  session_ << "pragma quick_check(1)", soci::into(said);
  if (said != "ok") return cannot_open(file_, "it is damaged: " + said);
  session_ << "pragma application_id = " << k_application_id;
  session_ << "pragma journal_mode = wal", soci::into(said);
  if (said != "wal") return cannot_open(file_, "its journal mode stays '" + said + "' where 'wal' is needed");
  session_ << "pragma synchronous = full";
  session_ << "pragma foreign_keys = on";
  session_ << "pragma recursive_triggers = on";  // what a REPLACE deletes is a deletion too
  // A commit must not have to wait for a checkpoint; upkeep() makes them between commits.
  session_ << "pragma wal_autocheckpoint = 0", soci::into(said);
  sqlite_api::sqlite3_wal_hook(
      connection_of(session_),
      [](void* pages, sqlite_api::sqlite3*, const char*, int in_log) {
        *static_cast<int*>(pages) = in_log;
        return SQLITE_OK;
      },
      &log_pages_);
  return outcome::success();
}

Error SqliteDatabase::error(std::string_view what, const soci::soci_error& cause) {
  std::string message = "cannot " + std::string(what) + " journal " + quoted(file_) + ": ";
  Errc code = Errc::system;
  const auto* known = dynamic_cast<const soci::sqlite3_soci_error*>(&cause);
  // Not the connection's own last code: by now a rollback has set that anew.
  const int result = known != nullptr ? known->result() : SQLITE_ERROR;
  const int number = last_errno(connection_of(session_));
  const bool io_failed = (result & 0xff) == SQLITE_IOERR || (result & 0xff) == SQLITE_CANTOPEN;
  if ((result & 0xff) == SQLITE_FULL || (io_failed && (number == ENOSPC || number == EDQUOT || number == EFBIG))) {
    code = Errc::no_space;
    message += "no space left";
  } else if ((result & 0xff) == SQLITE_BUSY || (result & 0xff) == SQLITE_LOCKED) {
    code = Errc::busy;
    message += "another program holds it";
  } else if ((result & 0xff) == SQLITE_NOTADB) {
    message += "it is no SQLite database";
  } else {
    message += cause.what();
    if (io_failed && number != 0) message += std::string(" (") + std::strerror(number) + ")";
  }
  return Error{code, std::move(message), file_.string()};
}

// As SQLite itself will write them into its schema, where is_append_only looks for them.
std::vector<std::string> SqliteDatabase::refuse_change(const std::string& table) {
  std::vector<std::string> statements;
  for (const std::string verb : {"update", "delete"}) {
    statements.push_back("CREATE TRIGGER " + table + "_no_" + verb + " before " + verb + " on " + table +
                         " begin select raise(abort, '" + table + " is append only'); end");
  }
  return statements;
}

// What REPLACE deletes meets a delete trigger only where recursive_triggers is on, which each connection says for itself
// (https://www.sqlite.org/lang_conflict.html); a trigger before the insertion runs in all of them.
std::string SqliteDatabase::refuse_replacement(const std::string& table, const std::string& key) {
  return "CREATE TRIGGER " + table + "_no_replacement before insert on " + table + " when exists (select 1 from " + table + " where " + key +
         " = new." + key + ") begin select raise(abort, '" + table + " is append only'); end";
}

std::vector<std::string> SqliteDatabase::append_only(const std::string& table, const std::string& key) {
  std::vector<std::string> statements = refuse_change(table);
  statements.push_back(refuse_replacement(table, key));
  return statements;
}

bool SqliteDatabase::is_append_only(const std::string& table, const std::string& key) {
  std::string sql;
  std::size_t found = 0;
  const std::vector<std::string> wanted = append_only(table, key);
  soci::statement select = (session_.prepare << "select sql from sqlite_master where type = 'trigger' and tbl_name = :name",
                            soci::into(sql), soci::use(table, "name"));
  select.execute();
  while (select.fetch()) found += static_cast<std::size_t>(std::count(wanted.begin(), wanted.end(), sql));
  return found == wanted.size();
}

// Zeros after the log's last frame are no frame (https://www.sqlite.org/fileformat2.html#walformat), neither now nor in a recovery. SQLite's
// locks are on other files, so closing a descriptor of this one gives none of them up.
void SqliteDatabase::preallocate() {
  const Descriptor log(::open((file_.string() + "-wal").c_str(), O_WRONLY | O_CLOEXEC));
  struct stat status {};
  if (!log || ::fstat(log.get(), &status) != 0) return;
  const std::string zeros(64 * 1024, '\0');
  for (off_t at = status.st_size; at < k_log_size;) {
    const ssize_t written = ::pwrite(log.get(), zeros.data(), zeros.size(), at);
    if (written <= 0) {  // what little room there is, is for the database
      if (::ftruncate(log.get(), status.st_size) != 0) return;
      break;
    }
    at += written;
  }
  ::fsync(log.get());
}

bool SqliteDatabase::upkeep_due() const { return log_pages_ > k_log_pages_before_upkeep; }

void SqliteDatabase::upkeep() {
  log_pages_ = 0;  // at the next commit it is known again
  sqlite_api::sqlite3_wal_checkpoint_v2(connection_of(session_), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

}  // namespace zynclone::broker::journal
