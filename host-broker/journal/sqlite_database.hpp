#pragma once
// Everything about the journal that is SQLite's own: opening and its settings, words of SQL that other databases spell otherwise, errors,
// checkpoints. A back end for another database is another file like this; the tables beside it are portable SQL. One thread.

#include <filesystem>
#include <memory>
#include <string>

#include <soci/soci.h>

#include "protocol/result.hpp"
#include "system/descriptor.hpp"

namespace zynclone::broker::journal {

enum class OpenAs {
  owner,    // creates it, locks it against a second owner
  reader,   // of a journal that its owner may be writing at the same time; changes nothing
};

class SqliteDatabase {
 public:
  // Errors: busy when another owner has it; system when it cannot be opened, is damaged, or is a database of something else.
  static Result<std::unique_ptr<SqliteDatabase>> open(const std::filesystem::path& file, OpenAs how);
  ~SqliteDatabase();
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;

  soci::session& session() { return session_; }
  const std::filesystem::path& file() const { return file_; }

  // What failed and why, with the file's name: no_space when a disk or quota is full, busy, else system.
  Error error(std::string_view what, const soci::soci_error& cause);

  // A column that numbers the rows, and statements that make a table refuse UPDATE and DELETE, and INSERT OR REPLACE of a row whose `key` is
  // there; `append_only` gives all of them.
  static constexpr std::string_view k_row_number = "integer primary key";
  static std::vector<std::string> refuse_change(const std::string& table);
  static std::string refuse_replacement(const std::string& table, const std::string& key);
  static std::vector<std::string> append_only(const std::string& table, const std::string& key);
  bool is_append_only(const std::string& table, const std::string& key);  // are they there? Throws soci_error

  // Once, after the tables are there: fills the write-ahead log's file, so that a commit finds its blocks allocated and syncs data only. A
  // disk that is too full for it does no harm.
  void preallocate();

  // Work that keeps commits short, for the time between them: moves what was committed from the write-ahead log into the database, and
  // the log starts anew. Failing does no harm; it is due again then.
  bool upkeep_due() const;
  void upkeep();

 private:
  SqliteDatabase(std::filesystem::path file, Descriptor lock) : file_(std::move(file)), lock_(std::move(lock)) {}
  Result<void> connect(OpenAs how);
  Result<void> check_owner_settings();
  Result<void> check_identity();

  std::filesystem::path file_;
  Descriptor lock_;         // before the session, so that it is given up after it
  soci::session session_;
  int log_pages_ = 0;       // in the write-ahead log after the last commit
};

}  // namespace zynclone::broker::journal
