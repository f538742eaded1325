#include "guest-agent-core/either.hpp"

namespace zynclone::agent {

asio::awaitable<void> either(asio::awaitable<void> one, asio::awaitable<void> other) {
  using asio::experimental::awaitable_operators::operator||;
  co_await (std::move(one) || std::move(other));
}

}  // namespace zynclone::agent
