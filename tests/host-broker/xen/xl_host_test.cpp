// The toolstack and LVM on a real Xen host, where ZYNCLONE_TEST_XEN_CONFIG names the configuration file of a guest with thin volumes, as
// /etc/xen/pos1.cfg. The guest itself may run and is not touched; a copy of it is started, used and removed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "host-broker/storage/volumes.hpp"
#include "host-broker/xen/libxl.hpp"
#include "host-broker/xen/xl_process.hpp"
#include "host-broker/xen/xl_toolstack.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker::xen {
namespace {

constexpr std::chrono::seconds k_guest_limit{300};  // emulated guests take their time to come up and to shut down

class XlHostTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* file = std::getenv("ZYNCLONE_TEST_XEN_CONFIG");
    if (file == nullptr) GTEST_SKIP() << "no guest for tests is named in ZYNCLONE_TEST_XEN_CONFIG (as /etc/xen/pos1.cfg)";
    auto hypervisor = Libxl::create();
    ASSERT_OK(hypervisor);
    hypervisor_ = std::move(hypervisor).value();
    toolstack_ = std::make_unique<XlToolstack>(*hypervisor_, settings());
    const std::string name = std::filesystem::path(file).stem();
    auto config = run(toolstack_->read_config(VmName::parse(name).value(), file));
    ASSERT_OK(config);
    clone_ = {.original_file = file, .name = name + ".zynclone-test", .uuid = Uuid::random()};
    for (const VmDisk& disk : config.value().disks) {
      auto copy = run(storage_.snapshot({.source = disk.volume, .name = "zynclone-test-" + disk.device, .use = SourceUse::in_use}));
      ASSERT_OK(copy);
      sources_.push_back(disk.volume);
      clone_.disks.push_back({disk.device, copy.value().volume, true});
    }
    for (const VmVif& vif : config.value().vifs)
      clone_.vifs.push_back({.index = vif.index, .mac = MacAddress::derived(clone_.uuid.text()).text(), .bridge = vif.bridge,
                             .backend = vif.backend, .interface = "zctest." + std::to_string(vif.index)});
  }
  void TearDown() override {
    if (!toolstack_) return;
    if (auto domain = find()) {
      EXPECT_OK(run(toolstack_->destroy(domain->id)));
    }
    for (std::size_t i = 0; i < sources_.size(); ++i)
      EXPECT_OK(run(storage_.remove({.source = sources_[i], .name = "zynclone-test-" + clone_.disks[i].device})));
  }
  template <class T>
  T run(asio::awaitable<T> work) {
    return tests::run_on(context_, std::move(work));
  }
  XlSettings settings() const { return {.run_folder = (folder_ / "xl").string()}; }
  std::optional<Domain> find() {
    auto domains = run(toolstack_->list_domains());
    EXPECT_OK(domains);
    for (const Domain& domain : domains.value())
      if (domain.uuid == clone_.uuid) return domain;
    return std::nullopt;
  }
  bool has_interface() const { return clone_.vifs.empty() || std::filesystem::exists("/sys/class/net/" + clone_.vifs[0].interface); }

  tests::TemporaryFolder folder_;
  asio::io_context context_{1};
  storage::Volumes storage_{storage::Settings{}};
  std::unique_ptr<Libxl> hypervisor_;
  std::unique_ptr<XlToolstack> toolstack_;
  CloneDomain clone_;
  std::vector<Volume> sources_;
};

TEST_F(XlHostTest, ACloneIsStartedPausedRunsAndShutsDown) {
  auto id = run(toolstack_->start_paused(clone_));
  ASSERT_OK(id);
  auto domain = find();
  ASSERT_TRUE(domain.has_value());
  EXPECT_EQ(domain->id, id.value());
  EXPECT_EQ(domain->name, clone_.name);
  EXPECT_EQ(domain->state, DomainState::paused);
  EXPECT_TRUE(has_interface());
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "xl"));

  auto again = run(toolstack_->start_paused(clone_));
  ASSERT_OK(again);
  EXPECT_EQ(again.value(), id.value());

  ASSERT_OK(run(toolstack_->unpause(id.value())));
  EXPECT_EQ(find()->state, DomainState::running);
  ASSERT_OK(run(toolstack_->pause(id.value())));
  EXPECT_EQ(find()->state, DomainState::paused);
  ASSERT_OK(run(toolstack_->unpause(id.value())));

  // Whether it obeys depends on how far it has come up; its domain must be gone when it did.
  auto ended = run(toolstack_->shut_down(id.value(), k_guest_limit));
  ASSERT_OK(ended);
  EXPECT_FALSE(find().has_value());
  EXPECT_FALSE(!clone_.vifs.empty() && has_interface());
}

TEST_F(XlHostTest, DestroyWaitsForTheBackends) {
  auto id = run(toolstack_->start_paused(clone_));
  ASSERT_OK(id);
  ASSERT_OK(run(toolstack_->destroy(id.value())));
  EXPECT_FALSE(find().has_value());
  EXPECT_FALSE(!clone_.vifs.empty() && has_interface());
  EXPECT_OK(run(toolstack_->destroy(id.value())));
  EXPECT_OK(run(toolstack_->shut_down(id.value(), k_guest_limit)));
  EXPECT_FAILS(run(toolstack_->unpause(id.value())), Errc::not_found);
  // The copies are free again: nothing holds them open.
  for (std::size_t i = 0; i < sources_.size(); ++i)
    EXPECT_OK(run(storage_.remove({.source = sources_[i], .name = "zynclone-test-" + clone_.disks[i].device})));
}

// Cut off at ever later moments of its work, xl leaves a domain that is absent, half made or whole.
TEST_F(XlHostTest, AnInterruptedStartLeavesNothingAndCanBeRepeated) {
  for (const int limit : {1000, 2500}) {
    XlSettings hurried = settings();
    hurried.create_limit = std::chrono::milliseconds(limit);
    XlToolstack toolstack(*hypervisor_, hurried);
    auto id = run(toolstack.start_paused(clone_));
    if (id) {
      EXPECT_OK(run(toolstack.destroy(id.value())));
    } else {
      EXPECT_FAILS(id, Errc::timed_out);
    }
    EXPECT_FALSE(find().has_value()) << limit << " ms";
    EXPECT_FALSE(!clone_.vifs.empty() && has_interface()) << limit << " ms";
  }
  EXPECT_OK(run(toolstack_->start_paused(clone_)));
}

TEST_F(XlHostTest, WhatXlRefusesIsReportedWithItsReason) {
  CloneDomain broken = clone_;
  broken.disks[0].volume.path = "/dev/zynclone-none/none";
  auto id = run(toolstack_->start_paused(broken));
  ASSERT_FAILS(id, Errc::xen);
  EXPECT_THAT(id.error().message, testing::HasSubstr("zynclone-none"));
  EXPECT_FALSE(find().has_value());
}

}  // namespace
}  // namespace zynclone::broker::xen
