#include "host-broker/sandbox/notify_socket.hpp"

#include <boost/asio/as_tuple.hpp>

#include <optional>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/names.hpp"

namespace zynclone::sandbox {
namespace {

using asio::local::datagram_protocol;

// The value of `key` in a message's lines; nullopt when it is not there.
std::optional<std::string_view> value_of(std::string_view key, std::string_view untrusted_message) {
  while (!untrusted_message.empty()) {
    const auto end = std::min(untrusted_message.find('\n'), untrusted_message.size());
    const std::string_view line = untrusted_message.substr(0, end);
    if (line.starts_with(key) && line.substr(key.size()).starts_with('=')) return line.substr(key.size() + 1);
    untrusted_message.remove_prefix(std::min(end + 1, untrusted_message.size()));
  }
  return std::nullopt;
}

}  // namespace

struct NotifySocket::State {
  State(asio::any_io_executor executor, std::string socket_path)
      : path(std::move(socket_path)), socket(executor), changed(executor, asio::steady_timer::time_point::max()) {}
  std::string path;
  datagram_protocol::socket socket;
  asio::steady_timer changed;  // cancelled at each change, for those who wait
  bool ready = false;
  std::string status;
  unsigned resets = 0;
  std::string cause;
};

Result<std::unique_ptr<NotifySocket>> NotifySocket::open(asio::any_io_executor executor, std::string path) {
  ::unlink(path.c_str());
  auto state = std::make_shared<State>(executor, std::move(path));
  boost::system::error_code error = asio::error::name_too_long;
  if (state->path.size() < sizeof(sockaddr_un::sun_path)) state->socket.open(datagram_protocol(), error);
  if (!error) state->socket.bind(datagram_protocol::endpoint(state->path), error);
  if (error) return fail(Errc::system, "cannot listen on '" + printable(state->path) + "': " + error.message());
  spawn(executor, "readiness at " + state->path, receive(state));
  return std::unique_ptr<NotifySocket>(new NotifySocket(std::move(state)));
}

NotifySocket::~NotifySocket() {
  boost::system::error_code ignored;
  state_->socket.close(ignored);
  state_->changed.cancel();
  ::unlink(state_->path.c_str());
}

const std::string& NotifySocket::path() const { return state_->path; }
bool NotifySocket::is_ready() const { return state_->ready; }

void NotifySocket::reset(std::string cause) {
  state_->ready = false;
  state_->status.clear();
  state_->cause = std::move(cause);
  ++state_->resets;
  state_->changed.cancel();
}

asio::awaitable<void> NotifySocket::receive(std::shared_ptr<State> state) {
  std::array<char, 4096> untrusted_bytes;
  while (state->socket.is_open()) {
    const auto [error, count] = co_await state->socket.async_receive(asio::buffer(untrusted_bytes), k_as_tuple);
    if (error) co_return;
    const std::string_view untrusted_message(untrusted_bytes.data(), count);
    if (value_of("READY", untrusted_message) == "1") state->ready = true;
    if (const auto status = value_of("STATUS", untrusted_message)) state->status = *status;
    state->changed.cancel();
  }
}

asio::awaitable<Result<void>> NotifySocket::wait_ready() { return wait(state_, For::ready, {}); }
asio::awaitable<Result<void>> NotifySocket::wait_status(std::string beginning) { return wait(state_, For::status, std::move(beginning)); }

asio::awaitable<Result<void>> NotifySocket::wait(std::shared_ptr<State> state, For what, std::string beginning) {
  const unsigned resets = state->resets;
  while (true) {
    if (what == For::ready ? state->ready : state->status.starts_with(beginning)) co_return outcome::success();
    if (state->resets != resets) co_return fail(Errc::system, state->cause);
    if (!state->socket.is_open()) co_return fail(Errc::unavailable, "it was taken away before it was ready");
    co_await state->changed.async_wait(k_as_tuple);
  }
}

}  // namespace zynclone::sandbox
