#pragma once
// Journal and audit log in an SQL database through SOCI, by default the SQLite file /var/lib/zynclone/journal.db. Owned by the broker; calls
// come from its thread, the work is done in a thread of its own, one call after the other. The io_context that awaits must outlive it.

#include <filesystem>
#include <memory>

#include "host-broker/journal/sql_store.hpp"
#include "host-broker/ports/clock.hpp"
#include "host-broker/ports/journal.hpp"

namespace zynclone::broker::journal {

class SqlJournal : public Journal, public AuditLog {
 public:
  // Blocks while it opens, checks and, where needed, migrates the file. `clock` gives the time of audit entries. Errors: as of SqlStore::open.
  static Result<std::unique_ptr<SqlJournal>> open(const std::filesystem::path& file, Clock& clock);
  // Waits for the work that was begun.
  ~SqlJournal() override;

  using Journal::insert;
  using Journal::update;
  asio::awaitable<Result<void>> insert(OperationRecord operation, std::vector<AuditNote> notes) override;
  asio::awaitable<Result<void>> update(OperationRecord operation, std::vector<AuditNote> notes) override;
  asio::awaitable<Result<void>> update_step(OperationId id, std::size_t position, StepRecord step) override;
  asio::awaitable<Result<std::optional<OperationRecord>>> find(OperationId id) override;
  asio::awaitable<Result<std::optional<OperationRecord>>> find_request(std::string requester, RequestId id) override;
  asio::awaitable<Result<std::vector<OperationRecord>>> list(OperationFilter filter) override;
  asio::awaitable<Result<std::size_t>> forget(Timestamp time) override;
  asio::awaitable<Result<void>> append(std::string actor, std::string event, std::string operation, std::string detail) override;
  asio::awaitable<Result<std::vector<protocol::AuditEntry>>> entries(std::uint64_t after, std::size_t most) override;
  asio::awaitable<Result<std::uint64_t>> last_entry() override;

  // Can it be written? Writes and syncs, and changes nothing. For host.health.
  asio::awaitable<Result<void>> check_writable();

 private:
  SqlJournal(std::unique_ptr<SqlStore> store, Clock& clock);
  // Runs `work(store)` in the thread; upkeep that it made due follows once its answer is on the way.
  template <class Work>
  auto run(Work work) -> asio::awaitable<std::invoke_result_t<Work&, SqlStore&>>;

  std::unique_ptr<SqlStore> store_;
  Clock& clock_;
  asio::thread_pool thread_{1};  // last, so that it ends first
};

}  // namespace zynclone::broker::journal
