#pragma once
// The contract that host-broker/xen/store keeps, whatever xenstored is behind it. By default that is the sandbox's, served here
// in a thread; with ZYNCLONE_XENSTORE=host in the environment it is this machine's, as domain 0, and the tests leave nothing behind. There
// ZYNCLONE_XENSTORE_GUEST names a guest and a socket on which XenStore takes this process for that guest, as "3:/run/pos1-xenstore".

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <optional>

#include "host-broker/xen/store/xenstore.hpp"

namespace zynclone::xenstore {

DomainId guest_of_environment();

inline const DomainId k_guest = guest_of_environment();  // in the sandbox there is such a domain; on a real host there need not be

class Contract : public ::testing::Test {
 protected:
  Contract();
  ~Contract() override;

  static bool is_real_host();
  static bool can_act_as_guest();

  // A connection as domain 0, or as the guest.
  Store open();
  Store open_as_guest();

  // A node's permissions as on the wire, but with "guest" for its id: "n0 rguest".
  static std::string permissions_of(const std::string& path);

  // Runs the task to its end, at most ten seconds.
  template <class T>
  T run(asio::awaitable<T> task) {
    std::optional<T> result;
    asio::co_spawn(context, keep(std::move(task), result), [](std::exception_ptr failure) { EXPECT_FALSE(failure); });
    context.restart();
    while (!result && context.run_one_for(std::chrono::seconds(10)) != 0) continue;
    if (!result) ADD_FAILURE() << "the task did not end";
    return result ? std::move(*result) : T(fail(Errc::timed_out, "the test gave up"));
  }

  // The next event of a store: "path token", or the error's name.
  std::string next(Store& store);

  // Ends the sandbox's xenstored.
  static void stop_sandbox();
  static void start_sandbox();

  template <class T>
  static asio::awaitable<void> keep(asio::awaitable<T> task, std::optional<T>& result) {
    result.emplace(co_await std::move(task));
  }

  asio::io_context context{1};
  Store store;             // as domain 0
  std::string root;        // where this test's nodes are; removed at its end
};

}  // namespace zynclone::xenstore
