#include "host-broker/xen/qemu_monitor.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker::xen {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using Stream = asio::local::stream_protocol;

constexpr const char* k_greeting = "{\"QMP\": {\"version\": {}, \"capabilities\": []}}";
constexpr const char* k_done = "{\"return\": {}}";

// A QEMU that says one prepared text at connect and one after each line that it gets.
class QemuMonitorTest : public testing::Test {
 protected:
  QemuMonitorTest() : image_(folder_.write("pos1.qcow2", "x")) {}

  asio::awaitable<void> serve() {
    auto accepted = co_await acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
    Stream::socket socket = std::move(std::get<1>(accepted));
    std::string pending;
    for (const std::string& answer : answers_) {
      const std::string line = answer + "\r\n";
      co_await asio::async_write(socket, asio::buffer(line), asio::as_tuple(asio::use_awaitable));
      char buffer[4096];
      while (pending.find('\n') == std::string::npos) {
        const auto got = co_await socket.async_read_some(asio::buffer(buffer), asio::as_tuple(asio::use_awaitable));
        if (std::get<0>(got)) co_return;
        pending.append(buffer, std::get<1>(got));
      }
      heard_.push_back(pending.substr(0, pending.find('\n')));
      pending.erase(0, pending.find('\n') + 1);
    }
    char more = 0;
    if (!closes_) co_await socket.async_read_some(asio::buffer(&more, 1), asio::as_tuple(asio::use_awaitable));  // until the other end closes
  }

  Result<void> talk(std::vector<std::string> answers, Deadline limit = std::chrono::seconds(20)) {
    answers_ = std::move(answers);
    asio::co_spawn(context_, serve(), asio::detached);
    return tests::run_on(context_, switch_to_layer((folder_ / "qmp").string(), image_, limit));
  }
  Result<unsigned> take_unplugged(std::vector<std::string> answers, std::vector<UsbAddress> plugged) {
    answers_ = std::move(answers);
    asio::co_spawn(context_, serve(), asio::detached);
    return tests::run_on(context_, remove_unplugged_usb((folder_ / "qmp").string(), std::move(plugged), std::chrono::seconds(20)));
  }
  std::string node(const std::string& name, const std::string& file, const std::string& more = "\"ro\": false, \"drv\": \"qcow2\"") {
    return "{\"node-name\": \"" + name + "\", \"file\": \"" + file + "\", " + more + "}";
  }
  std::string layer_name() {
    struct stat status {};
    EXPECT_EQ(::stat(image_.c_str(), &status), 0);
    char text[32];
    std::snprintf(text, sizeof text, "zynclone-%llx", static_cast<unsigned long long>(status.st_ino) & 0xffffffffffffull);
    return text;
  }

  tests::TemporaryFolder folder_;
  std::string image_;
  asio::io_context context_{1};
  Stream::acceptor acceptor_{context_, Stream::endpoint((folder_ / "qmp").string())};
  std::vector<std::string> answers_;
  std::vector<std::string> heard_;
  bool closes_ = false;
};

TEST_F(QemuMonitorTest, SwitchesTheNodeThatWritesToTheImage) {
  const std::string nodes = "{\"return\": [" + node("other", "/images/other.qcow2") + "," + node("protocol", image_, "\"ro\": false, \"drv\": \"file\"") +
                            "," + node("old", image_, "\"ro\": true, \"drv\": \"qcow2\"") + "," + node("top", image_) + "]}";
  EXPECT_OK(talk({k_greeting, k_done, "{\"event\": \"RTC_CHANGE\"}\r\n" + nodes, k_done}));
  ASSERT_EQ(heard_.size(), 3u);
  EXPECT_THAT(heard_[0], HasSubstr("qmp_capabilities"));
  EXPECT_THAT(heard_[2], AllOf(HasSubstr("blockdev-snapshot-sync"), HasSubstr("\"node-name\":\"top\""), HasSubstr("\"mode\":\"existing\""),
                               HasSubstr("\"snapshot-file\":\"" + image_ + "\""), HasSubstr("\"snapshot-node-name\":\"" + layer_name() + "\"")));
}

TEST_F(QemuMonitorTest, SwitchedAlreadyIsNoError) {
  EXPECT_OK(talk({k_greeting, k_done, "{\"return\": [" + node(layer_name(), image_) + "]}"}));
  EXPECT_EQ(heard_.size(), 2u);
}

TEST_F(QemuMonitorTest, AQemuThatWritesElsewhereIsRefused) {
  auto switched = talk({k_greeting, k_done, "{\"return\": [" + node("a", "/images/other.qcow2") + ", 5, {\"file\": 7}]}"});
  ASSERT_FAILS(switched, Errc::xen);
  EXPECT_THAT(switched.error().message, HasSubstr("does not write to"));
}

TEST_F(QemuMonitorTest, ARefusalIsPassedOnPrintable) {
  auto switched = talk({k_greeting, k_done, "{\"return\": [" + node("top", image_) + "]}",
                        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"Node is \\u001b[31mbusy\"}}"});
  ASSERT_FAILS(switched, Errc::xen);
  EXPECT_THAT(switched.error().message, AllOf(HasSubstr("blockdev-snapshot-sync"), HasSubstr("\\x1b[31mbusy")));
}

TEST_F(QemuMonitorTest, NonsenseIsAnError) {
  for (const std::string answer : {"no json", "[]", "{}", "{\"QMP\"", "5"}) {
    heard_.clear();
    EXPECT_FAILS(talk({answer}), Errc::xen) << answer;
  }
  EXPECT_FAILS(talk({k_greeting, "{\"error\": 5}"}), Errc::xen);
  EXPECT_FAILS(talk({k_greeting, "{\"error\": {\"desc\": 5}}"}), Errc::xen);
}

TEST_F(QemuMonitorTest, AQemuThatHangsUpOrHangsIsAnError) {
  EXPECT_FAILS(talk({k_greeting, k_done}, std::chrono::milliseconds(100)), Errc::timed_out);
  closes_ = true;
  EXPECT_FAILS(talk({}), Errc::xen);
}

TEST_F(QemuMonitorTest, AnEndlessAnswerIsCutOff) {
  auto switched = talk({std::string(6 << 20, 'x')});
  ASSERT_FAILS(switched, Errc::xen);
  EXPECT_THAT(switched.error().message, HasSubstr("too long"));
}

TEST_F(QemuMonitorTest, WhatWasUnpluggedIsTakenFromItsPort) {
  const std::string devices = "{\"return\": [{\"name\": \"type\", \"type\": \"string\"}, {\"name\": \"xenusb-0\", \"type\": \"child<usb-ehci>\"}, {\"name\": \"xenusb-1-3\"},"
                              " {\"name\": \"xenusb-1-4\"}, {\"name\": \"xenusb-2-3\"}, {\"name\": \"xenusb-1-x\"}, {\"name\": \"xenusb-1-3-1\"}, 5, {\"name\": 7}]}";
  const auto removed = take_unplugged({k_greeting, k_done, devices, k_done, k_done}, {{.bus = 1, .address = 4}});
  ASSERT_OK(removed);
  EXPECT_EQ(removed.value(), 2u);
  ASSERT_EQ(heard_.size(), 4u);
  EXPECT_THAT(heard_[1], AllOf(HasSubstr("qom-list"), HasSubstr("/machine/peripheral")));
  EXPECT_THAT(heard_[2], AllOf(HasSubstr("device_del"), HasSubstr("\"id\":\"xenusb-1-3\"")));
  EXPECT_THAT(heard_[3], AllOf(HasSubstr("device_del"), HasSubstr("\"id\":\"xenusb-2-3\"")));
}

TEST_F(QemuMonitorTest, ARefusalToTakeADeviceIsAnError) {
  const auto refused = take_unplugged({k_greeting, k_done, "{\"return\": [{\"name\": \"xenusb-1-3\"}]}", "{\"error\": {\"desc\": \"no\"}}"}, {});
  ASSERT_FAILS(refused, Errc::xen);
  EXPECT_THAT(refused.error().message, HasSubstr("device_del: no"));
  EXPECT_FAILS(tests::run(remove_unplugged_usb((folder_ / "none").string(), {}, std::chrono::seconds(20))), Errc::xen);
}

TEST_F(QemuMonitorTest, NoSocketIsAClearRefusal) {
  auto switched = tests::run(switch_to_layer((folder_ / "none").string(), image_, std::chrono::seconds(20)));
  ASSERT_FAILS(switched, Errc::xen);
  EXPECT_THAT(switched.error().message, HasSubstr("no QEMU serves this domain"));
  EXPECT_FAILS(tests::run(switch_to_layer("/" + std::string(200, 'x'), image_, std::chrono::seconds(20))), Errc::xen);
  EXPECT_FAILS(tests::run(switch_to_layer((folder_ / "qmp").string(), "/no/such/image", std::chrono::seconds(20))), Errc::xen);
}

}  // namespace
}  // namespace zynclone::broker::xen
