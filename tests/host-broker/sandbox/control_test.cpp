#include "host-broker/sandbox/control_client.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>

#include "tests/host-broker/sandbox/fixture.hpp"

namespace zynclone::sandbox {
namespace {

using ControlTest = SandboxTest;

// Sends bytes as they are and gives what comes back before the end of the connection.
asio::awaitable<std::string> converse(std::string path, std::string bytes) {
  asio::local::stream_protocol::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(asio::local::stream_protocol::endpoint(path), k_as_tuple);
  co_await asio::async_write(socket, asio::buffer(bytes), k_as_tuple);
  socket.shutdown(asio::socket_base::shutdown_send);
  std::string answer;
  std::array<char, 1024> buffer;
  while (true) {
    const auto [error, count] = co_await socket.async_read_some(asio::buffer(buffer), k_as_tuple);
    if (error) co_return answer;
    answer.append(buffer.data(), count);
  }
}

TEST_F(ControlTest, UnknownCommandsAndDomainsAreErrors) {
  ControlMessage request("fly");
  request.set("domain", "9");
  EXPECT_FAILS(run(ask_control(layout.control_socket(), request)), Errc::not_found);
  const auto domain = run(toolstack.start_original(vm_file("pos1")));
  ASSERT_OK(domain);
  ControlMessage existing("fly");
  existing.set("domain", "pos1");
  EXPECT_FAILS(run(ask_control(layout.control_socket(), existing)), Errc::unknown_method);
}

TEST_F(ControlTest, WhatIsNoRequestIsAnswered) {
  const std::string text = "no request";
  const std::string answer = run(converse(layout.control_socket().string(), std::string("\x0a\0\0\0", 4) + text));
  EXPECT_NE(answer.find("code=\"malformed\""), std::string::npos) << answer;
}

TEST_F(ControlTest, BrokenFramesCostTheConnectionOnly) {
  for (const std::string& bytes : {std::string("\xff\xff\xff\xff", 4), std::string("\0\0\0\0", 4), std::string("\x05\0\0\0ab", 6), std::string("\x05", 1)})
    EXPECT_EQ(run(converse(layout.control_socket().string(), bytes)), "");
  EXPECT_OK(run(toolstack.list_domains()));
}

TEST_F(ControlTest, ASecondSandboxInTheSameFolderIsRefused) {
  const auto second = Host::open(context.get_executor(), layout);
  ASSERT_FAILS(second, Errc::conflict);
  EXPECT_NE(second.error().message.find("a sandbox runs there already"), std::string::npos);
  EXPECT_OK(run(toolstack.list_domains())) << "the first one is as it was";
}

TEST_F(ControlTest, NoSandboxIsUnavailable) {
  TearDown();
  const auto listed = run(toolstack.list_domains());
  ASSERT_FAILS(listed, Errc::unavailable);
  EXPECT_NE(listed.error().message.find("cannot reach the sandbox at '"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(layout.control_socket()));
  EXPECT_FALSE(std::filesystem::exists(layout.store_socket({0})));
}

}  // namespace
}  // namespace zynclone::sandbox
