#pragma once
// Journal, audit log, leases and grants in an SQL database through SOCI, by default the SQLite file /var/lib/zynclone/journal.db. Owned by the broker; calls
// come from its thread. What writes is done in one thread of its own, what reads in another, each one call after the other: a guest that asks
// much delays nobody's operation. Whoever has awaited a write sees it in every read after it. The io_context that awaits must outlive it.

#include <filesystem>
#include <memory>

#include "host-broker/journal/sql_reader.hpp"
#include "host-broker/journal/sql_store.hpp"
#include "host-broker/ports/clock.hpp"
#include "host-broker/ports/grants.hpp"
#include "host-broker/ports/journal.hpp"
#include "host-broker/ports/leases.hpp"

namespace zynclone::broker::journal {

class SqlJournal : public Journal, public AuditLog, public Leases, public Grants {
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
  // Old grants too: those that are used up, or whose time was over before `time`.
  asio::awaitable<Result<std::size_t>> forget(Timestamp time) override;
  asio::awaitable<Result<void>> append(std::string actor, std::string event, std::string operation, std::string detail) override;
  asio::awaitable<Result<std::vector<protocol::AuditEntry>>> entries(std::uint64_t after, std::size_t most) override;
  asio::awaitable<Result<std::uint64_t>> last_entry() override;
  asio::awaitable<Result<Lease>> find_lease(std::string resource) override;
  asio::awaitable<Result<Lease>> pass_lease(std::string resource, std::uint64_t token, std::optional<Uuid> holder) override;
  asio::awaitable<Result<void>> add_grant(protocol::GrantView grant) override;
  asio::awaitable<Result<std::vector<protocol::GrantView>>> usable_grants(std::optional<VmName> vm, Timestamp now) override;
  asio::awaitable<Result<void>> use_grant(OperationId id) override;
  asio::awaitable<Result<protocol::GrantView>> revoke_grant(OperationId id) override;

  // Can it be written? Writes and syncs, and changes nothing. For host.health.
  asio::awaitable<Result<void>> check_writable();

 private:
  SqlJournal(std::unique_ptr<SqlStore> store, std::unique_ptr<SqlReader> reader, Clock& clock);
  // Runs `work(store)` in the writing thread; upkeep that it made due follows once its answer is on the way.
  template <class Work>
  auto write(Work work) -> asio::awaitable<std::invoke_result_t<Work&, SqlStore&>>;
  template <class Work>
  auto read(Work work) -> asio::awaitable<std::invoke_result_t<Work&, SqlReader&>>;

  std::unique_ptr<SqlStore> store_;
  std::unique_ptr<SqlReader> reader_;  // closed before its owner
  Clock& clock_;
  asio::thread_pool writing_{1};  // last, so that they end first
  asio::thread_pool reading_{1};
};

}  // namespace zynclone::broker::journal
