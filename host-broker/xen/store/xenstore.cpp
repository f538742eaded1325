#include "host-broker/xen/store/xenstore.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "host-broker/xen/store/socket_listing.hpp"

extern "C" {
#include <xenstore.h>
}

namespace zynclone::xenstore {
namespace {

constexpr int k_most_commits = 20;

using stream_descriptor = asio::posix::stream_descriptor;

struct Freed {
  void operator()(void* memory) const { std::free(memory); }
};
template <class T>
using Owned = std::unique_ptr<T, Freed>;

Errc code_of(int number) {
  switch (number) {
    case ENOENT: return Errc::not_found;
    case EACCES:
    case EPERM: return Errc::refused;
    case EINVAL: return Errc::invalid_argument;
    case EEXIST: return Errc::already_exists;
    case ENOSPC:
    case E2BIG: return Errc::limit_exceeded;
    case EAGAIN: return Errc::busy;
    case EBADF:
    case EPIPE:
    case ECONNRESET: return Errc::unavailable;  // what libxenstore says when xenstored closed the connection
    default: return Errc::xen;
  }
}

Error failure(std::string_view verb, const std::string& path, int number) {
  return {code_of(number), "cannot " + std::string(verb) + " XenStore node '" + printable(path) + "': " + std::strerror(number)};
}

// libxenstore takes C strings; an interior NUL would cut the path.
Result<void> check_path(std::string_view verb, const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos)
    return fail(Errc::invalid_argument, "cannot " + std::string(verb) + " XenStore node '" + printable(path) +
                                            "': a path is not empty and holds no NUL");
  return outcome::success();
}

Result<std::optional<std::string>> read_node(xs_handle* handle, std::uint32_t transaction, const std::string& path) {
  TRY(check_path("read", path));
  unsigned length = 0;
  Owned<void> value(xs_read(handle, transaction, path.c_str(), &length));
  if (value) return std::string(static_cast<const char*>(value.get()), length);
  if (errno == ENOENT) return std::optional<std::string>();
  return failure("read", path, errno);
}

Result<void> write_node(xs_handle* handle, std::uint32_t transaction, const std::string& path, std::string_view value) {
  TRY(check_path("write", path));
  if (!xs_write(handle, transaction, path.c_str(), value.data(), static_cast<unsigned>(value.size())))
    return failure("write", path, errno);
  return outcome::success();
}

Result<void> set_permissions(xs_handle* handle, std::uint32_t transaction, const std::string& path,
                             const Permissions& permissions) {
  std::vector<xs_permissions> entries{{.id = permissions.owner.value, .perms = XS_PERM_NONE}};
  for (const DomainId reader : permissions.readers) entries.push_back({.id = reader.value, .perms = XS_PERM_READ});
  if (!xs_set_permissions(handle, transaction, path.c_str(), entries.data(), static_cast<unsigned>(entries.size())))
    return failure("set permissions of", path, errno);
  return outcome::success();
}

Result<void> remove_node(xs_handle* handle, std::uint32_t transaction, const std::string& path) {
  TRY(check_path("remove", path));
  if (!xs_rm(handle, transaction, path.c_str()) && errno != ENOENT) return failure("remove", path, errno);
  return outcome::success();
}

Result<std::vector<std::string>> list_node(xs_handle* handle, std::uint32_t transaction, const std::string& path) {
  TRY(check_path("list", path));
  unsigned count = 0;
  Owned<char*> names(xs_directory(handle, transaction, path.c_str(), &count));
  if (names) return std::vector<std::string>(names.get(), names.get() + count);
  if (errno == ENOENT) return std::vector<std::string>();
  return failure("list", path, errno);
}

}  // namespace

struct Store::State {
  State(asio::any_io_executor executor, xs_handle* opened)
      : handle(opened), socket_path(socket_of_xenstored()), listing(socket_path), watches(executor), sentinel(executor) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    // The pipe belongs to libxenstore, which closes it in xs_close.
    if (watches.is_open()) [[maybe_unused]] const int pipe = watches.release();
    xs_close(handle);
  }

  xs_handle* handle;
  std::string socket_path;    // empty for a device
  SocketListing listing;
  // From the first watch on:
  stream_descriptor watches;  // readable while events are queued in libxenstore
  // A second connection, on which xenstored never says anything: its end is the only sign by which an idle libxenstore handle's
  // owner learns that xenstored is gone (the library's reader thread does not wake the watch pipe). Not open for a device.
  stream_descriptor sentinel;
};

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Result<Store> Store::open(asio::any_io_executor executor) {
  xs_handle* handle = xs_open(XS_UNWATCH_FILTER);
  if (handle == nullptr)
    return fail(Errc::unavailable, std::string("cannot open XenStore at '") + printable(xs_daemon_socket()) +
                                       "': " + std::strerror(errno));
  return Store(std::make_unique<State>(executor, handle));
}

Result<void> Store::transact(const std::function<Result<void>(Transaction&)>& work) {
  for (int commits = 0; commits < k_most_commits; ++commits) {
    const xs_transaction_t id = xs_transaction_start(state_->handle);
    if (id == XBT_NULL) return failure("start a transaction on", "/", errno);
    Transaction transaction(state_->handle, id);
    if (auto done = work(transaction); !done) {
      xs_transaction_end(state_->handle, id, true);
      return done;
    }
    if (xs_transaction_end(state_->handle, id, false)) return outcome::success();
    if (errno != EAGAIN) return failure("commit a transaction on", "/", errno);
  }
  return fail(Errc::busy, "cannot commit a XenStore transaction: others changed its nodes " + std::to_string(k_most_commits) +
                              " times meanwhile");
}

Result<std::optional<std::string>> Store::read(const std::string& path) { return read_node(state_->handle, XBT_NULL, path); }

Result<void> Store::write(const std::string& path, std::string_view value) {
  return write_node(state_->handle, XBT_NULL, path, value);
}

// In a transaction, so that nobody sees the node with the permissions it inherited.
Result<void> Store::write(const std::string& path, std::string_view value, const Permissions& permissions) {
  return transact([&](Transaction& transaction) { return transaction.write(path, value, permissions); });
}

Result<void> Store::remove(const std::string& path) { return remove_node(state_->handle, XBT_NULL, path); }

Result<std::vector<std::string>> Store::directory(const std::string& path) {
  TRY(check_path("list", path));
  TRY(auto names, state_->listing.list(path));
  if (names) return *std::move(names);
  return list_node(state_->handle, XBT_NULL, path);
}

Result<std::optional<std::string>> Transaction::read(const std::string& path) { return read_node(handle_, id_, path); }

Result<void> Transaction::write(const std::string& path, std::string_view value) { return write_node(handle_, id_, path, value); }

Result<void> Transaction::write(const std::string& path, std::string_view value, const Permissions& permissions) {
  TRY(write_node(handle_, id_, path, value));
  return set_permissions(handle_, id_, path, permissions);
}

Result<void> Transaction::remove(const std::string& path) { return remove_node(handle_, id_, path); }

Result<std::vector<std::string>> Transaction::directory(const std::string& path) { return list_node(handle_, id_, path); }

Result<void> Store::watch(const std::string& path, const std::string& token) {
  TRY(check_path("watch", path));
  if (!state_->watches.is_open()) {
    const int pipe = xs_fileno(state_->handle);
    if (pipe < 0) return fail(Errc::system, std::string("cannot watch XenStore: ") + std::strerror(errno));
    state_->watches.assign(pipe);
    if (Descriptor sentinel = connect_to_xenstored(state_->socket_path); sentinel) state_->sentinel.assign(sentinel.release());
  }
  if (!xs_watch(state_->handle, path.c_str(), token.c_str())) return failure("watch", path, errno);
  return outcome::success();
}

Result<void> Store::unwatch(const std::string& path, const std::string& token) {
  TRY(check_path("unwatch", path));
  if (!xs_unwatch(state_->handle, path.c_str(), token.c_str())) return failure("unwatch", path, errno);
  return outcome::success();
}

asio::awaitable<Result<WatchEvent>> Store::next_event() {
  using namespace asio::experimental::awaitable_operators;
  constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable);
  State& state = *state_;
  while (true) {
    Owned<char*> event(xs_check_watch(state.handle));
    if (event) co_return WatchEvent{.path = event.get()[XS_WATCH_PATH], .token = event.get()[XS_WATCH_TOKEN]};
    if (errno != EAGAIN) co_return fail(Errc::unavailable, "cannot wait for a XenStore watch: xenstored is gone");

    if (!state.sentinel.is_open()) {
      const auto [error] = co_await state.watches.async_wait(stream_descriptor::wait_read, as_tuple);
      if (error) co_return fail(Errc::cancelled, "cannot wait for a XenStore watch: " + error.message());
      continue;
    }
    const auto ended = co_await (state.watches.async_wait(stream_descriptor::wait_read, as_tuple) ||
                                 state.sentinel.async_wait(stream_descriptor::wait_read, as_tuple));
    if (ended.index() == 1) co_return fail(Errc::unavailable, "cannot wait for a XenStore watch: xenstored is gone");
    if (const auto error = std::get<0>(std::get<0>(ended)))
      co_return fail(Errc::cancelled, "cannot wait for a XenStore watch: " + error.message());
  }
}

}  // namespace zynclone::xenstore
