#include "host-broker/journal/sql_journal.hpp"

#include <pthread.h>

namespace zynclone::broker::journal {

SqlJournal::SqlJournal(std::unique_ptr<SqlStore> store, std::unique_ptr<SqlReader> reader, Clock& clock)
    : store_(std::move(store)), reader_(std::move(reader)), clock_(clock) {
  asio::post(writing_, [] { pthread_setname_np(pthread_self(), "journal"); });
  asio::post(reading_, [] { pthread_setname_np(pthread_self(), "journal-reader"); });
}

SqlJournal::~SqlJournal() {
  reading_.join();
  writing_.join();
}

Result<std::unique_ptr<SqlJournal>> SqlJournal::open(const std::filesystem::path& file, Clock& clock) {
  TRY(auto store, SqlStore::open(file));
  TRY(auto reader, SqlReader::open(file));
  return std::unique_ptr<SqlJournal>(new SqlJournal(std::move(store), std::move(reader), clock));
}

template <class Work>
auto SqlJournal::write(Work work) -> asio::awaitable<std::invoke_result_t<Work&, SqlStore&>> {
  auto in_thread = [this, work = std::move(work)]() mutable {
    auto result = work(*store_);
    if (store_->upkeep_due()) {
      asio::post(writing_, [this] { store_->upkeep(); });
    }
    return result;
  };
  co_return co_await run_blocking(writing_, std::move(in_thread));
}

template <class Work>
auto SqlJournal::read(Work work) -> asio::awaitable<std::invoke_result_t<Work&, SqlReader&>> {
  auto in_thread = [this, work = std::move(work)]() mutable { return work(*reader_); };
  co_return co_await run_blocking(reading_, std::move(in_thread));
}

asio::awaitable<Result<void>> SqlJournal::insert(OperationRecord operation, std::vector<AuditNote> notes) {
  return write([operation = std::move(operation), notes = std::move(notes), now = clock_.now()](SqlStore& store) {
    return store.insert(operation, notes, now);
  });
}

asio::awaitable<Result<void>> SqlJournal::update(OperationRecord operation, std::vector<AuditNote> notes) {
  return write([operation = std::move(operation), notes = std::move(notes), now = clock_.now()](SqlStore& store) {
    return store.update(operation, notes, now);
  });
}

asio::awaitable<Result<void>> SqlJournal::update_step(OperationId id, std::size_t position, StepRecord step) {
  return write([id = std::move(id), position, step = std::move(step)](SqlStore& store) { return store.update_step(id, position, step); });
}

asio::awaitable<Result<std::optional<OperationRecord>>> SqlJournal::find(OperationId id) {
  return read([id = std::move(id)](SqlReader& reader) { return reader.find(id); });
}

asio::awaitable<Result<std::optional<OperationRecord>>> SqlJournal::find_request(std::string requester, RequestId id) {
  return read([requester = std::move(requester), id = std::move(id)](SqlReader& reader) { return reader.find_request(requester, id); });
}

asio::awaitable<Result<std::vector<OperationRecord>>> SqlJournal::list(OperationFilter filter) {
  return read([filter = std::move(filter)](SqlReader& reader) { return reader.list(filter); });
}

asio::awaitable<Result<std::size_t>> SqlJournal::forget(Timestamp time) {
  return write([time](SqlStore& store) { return store.forget(time); });
}

asio::awaitable<Result<void>> SqlJournal::append(std::string actor, std::string event, std::string operation, std::string detail) {
  AuditNote note{std::move(actor), std::move(event), std::move(operation), std::move(detail)};
  return write([note = std::move(note), now = clock_.now()](SqlStore& store) { return store.append(note, now); });
}

asio::awaitable<Result<std::vector<protocol::AuditEntry>>> SqlJournal::entries(std::uint64_t after, std::size_t most) {
  return read([after, most](SqlReader& reader) { return reader.entries(after, most); });
}

asio::awaitable<Result<std::uint64_t>> SqlJournal::last_entry() {
  return read([](SqlReader& reader) { return reader.last_entry(); });
}

asio::awaitable<Result<Lease>> SqlJournal::find_lease(std::string resource) {
  return read([resource = std::move(resource)](SqlReader& reader) { return reader.find_lease(resource); });
}

asio::awaitable<Result<Lease>> SqlJournal::pass_lease(std::string resource, std::uint64_t token, std::optional<Uuid> holder) {
  return write([resource = std::move(resource), token, holder = std::move(holder)](SqlStore& store) { return store.pass_lease(resource, token, holder); });
}

asio::awaitable<Result<void>> SqlJournal::add_grant(protocol::GrantView grant) {
  return write([grant = std::move(grant)](SqlStore& store) { return store.add_grant(grant); });
}

asio::awaitable<Result<std::vector<protocol::GrantView>>> SqlJournal::usable_grants(std::optional<VmName> vm, Timestamp now) {
  return read([vm = std::move(vm), now](SqlReader& reader) { return reader.usable_grants(vm, now); });
}

asio::awaitable<Result<void>> SqlJournal::use_grant(OperationId id) {
  return write([id = std::move(id)](SqlStore& store) { return store.use_grant(id); });
}

asio::awaitable<Result<protocol::GrantView>> SqlJournal::revoke_grant(OperationId id) {
  return write([id = std::move(id)](SqlStore& store) { return store.revoke_grant(id); });
}

asio::awaitable<Result<void>> SqlJournal::check_writable() {
  return write([](SqlStore& store) { return store.check_writable(); });
}

}  // namespace zynclone::broker::journal
