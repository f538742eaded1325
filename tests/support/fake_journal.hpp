#pragma once
// A journal and audit log in memory that behaves as journal::SqlJournal does (tests/host-broker/journal/journal_contract_test.cpp), with its
// state open to the test and failures to order. It outlives a "restarted" broker, as the file does.

#include <functional>

#include "host-broker/ports/clock.hpp"
#include "host-broker/ports/journal.hpp"

namespace zynclone::tests {

class FakeJournal : public broker::Journal, public broker::AuditLog {
 public:
  explicit FakeJournal(broker::Clock& clock) : clock_(clock) {}

  using Journal::insert;
  using Journal::update;
  asio::awaitable<Result<void>> insert(broker::OperationRecord operation, std::vector<broker::AuditNote> notes) override;
  asio::awaitable<Result<void>> update(broker::OperationRecord operation, std::vector<broker::AuditNote> notes) override;
  asio::awaitable<Result<void>> update_step(OperationId id, std::size_t position, broker::StepRecord step) override;
  asio::awaitable<Result<std::optional<broker::OperationRecord>>> find(OperationId id) override;
  asio::awaitable<Result<std::optional<broker::OperationRecord>>> find_request(std::string requester, RequestId id) override;
  asio::awaitable<Result<std::vector<broker::OperationRecord>>> list(broker::OperationFilter filter) override;
  asio::awaitable<Result<std::size_t>> forget(Timestamp time) override;
  asio::awaitable<Result<void>> append(std::string actor, std::string event, std::string operation, std::string detail) override;
  asio::awaitable<Result<std::vector<protocol::AuditEntry>>> entries(std::uint64_t after, std::size_t most) override;
  asio::awaitable<Result<std::uint64_t>> last_entry() override;

  std::vector<broker::OperationRecord> operations;   // in the order of their insertion
  std::vector<protocol::AuditEntry> audit;
  std::vector<std::string> calls;                    // "insert <id>", "update_step <id> <position> <state>", "append <event>"

  // Calls take a turn of the io_context each, as those of a database in its thread do.
  bool slow = false;

  // Asked before each call that writes, with its text as in `calls`: an error makes the call fail and change nothing.
  std::function<std::optional<Error>(const std::string& call)> fails;

 private:
  broker::OperationRecord* find_record(const OperationId& id);
  Result<void> begin(std::string call);
  void write(const std::vector<broker::AuditNote>& notes);

  broker::Clock& clock_;
};

}  // namespace zynclone::tests
