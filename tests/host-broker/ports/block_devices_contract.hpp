#pragma once
// What every BlockDevices keeps, whatever is behind it. A test program gives a world to try it in, and instantiates BlockDevicesContract.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "host-broker/ports/block_devices.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"

namespace zynclone::tests {

class BlockDevicesWorld {
 public:
  virtual ~BlockDevicesWorld() = default;
  virtual asio::io_context& context() = 0;
  virtual broker::BlockDevices& devices() = 0;
  // Two running domains that use no disk which they are given.
  virtual DomainId first() = 0;
  virtual DomainId second() = 0;
  // A volume of this name, which is there and which nobody has yet.
  virtual broker::Volume volume(const std::string& name) = 0;
};

using MakeBlockDevicesWorld = std::unique_ptr<BlockDevicesWorld> (*)();  // nullptr: this machine has none

class BlockDevicesContract : public testing::TestWithParam<MakeBlockDevicesWorld> {
 protected:
  static constexpr std::chrono::seconds k_limit{30};

  void SetUp() override {
    if (!world_) GTEST_SKIP() << "there is nothing here to try it on";
    first_ = world_->first();
    second_ = world_->second();
  }

  // As "3 xvds".
  std::vector<std::string> holders(const broker::Volume& volume) {
    const auto attachments = run_on(world_->context(), world_->devices().attachments_of(volume));
    EXPECT_OK(attachments);
    std::vector<std::string> texts;
    if (attachments)
      for (const auto& attachment : attachments.value()) texts.push_back(text_of(attachment.domain, attachment.device));
    return texts;
  }
  static std::string text_of(DomainId domain, const std::string& device) { return std::to_string(domain.value) + ' ' + device; }
  Result<void> attach(DomainId domain, const broker::VmDisk& disk) { return run_on(world_->context(), world_->devices().attach(domain, disk)); }
  Result<void> detach(DomainId domain, const broker::VmDisk& disk, broker::Detach how = broker::Detach::ask) {
    return run_on(world_->context(), world_->devices().detach(domain, disk, how, k_limit));
  }
  broker::VmDisk disk(const std::string& volume, const std::string& device = "xvds") { return {.device = device, .volume = world_->volume(volume)}; }

  std::unique_ptr<BlockDevicesWorld> world_ = GetParam()();
  DomainId first_;
  DomainId second_;
};

TEST_P(BlockDevicesContract, AnAttachedVolumeIsSeenAndADetachedOneIsNot) {
  const auto sales = disk("sales");
  EXPECT_THAT(holders(sales.volume), testing::IsEmpty());
  ASSERT_OK(attach(first_, sales));
  EXPECT_THAT(holders(sales.volume), testing::ElementsAre(text_of(first_, "xvds")));
  ASSERT_OK(detach(first_, sales));
  EXPECT_THAT(holders(sales.volume), testing::IsEmpty());
}

TEST_P(BlockDevicesContract, WhatIsThereAsAskedIsNoError) {
  const auto sales = disk("sales");
  ASSERT_OK(attach(first_, sales));
  EXPECT_OK(attach(first_, sales));
  EXPECT_THAT(holders(sales.volume), testing::ElementsAre(text_of(first_, "xvds")));
}

TEST_P(BlockDevicesContract, WhatIsNotThereIsDetachedWithoutError) {
  const auto sales = disk("sales");
  EXPECT_OK(detach(first_, sales));
  EXPECT_OK(detach(first_, sales, broker::Detach::force));
  EXPECT_OK(detach(DomainId{30000}, sales));
}

TEST_P(BlockDevicesContract, AnothersVolumeIsRefusedAndItsHolderNamed) {
  const auto sales = disk("sales");
  ASSERT_OK(attach(first_, sales));
  const auto refused = attach(second_, disk("sales", "xvdt"));
  ASSERT_FAILS(refused, Errc::conflict);
  EXPECT_THAT(refused.error().message, testing::AllOf(testing::HasSubstr("domain " + std::to_string(first_.value)), testing::HasSubstr("'xvds'")));
  EXPECT_THAT(holders(sales.volume), testing::ElementsAre(text_of(first_, "xvds")));
}

TEST_P(BlockDevicesContract, OneVolumeHasOneNameInADomain) {
  ASSERT_OK(attach(first_, disk("sales")));
  EXPECT_FAILS(attach(first_, disk("sales", "xvdt")), Errc::conflict);
  EXPECT_THAT(holders(disk("sales").volume), testing::ElementsAre(text_of(first_, "xvds")));
}

TEST_P(BlockDevicesContract, ADeviceNameIsTakenOnce) {
  ASSERT_OK(attach(first_, disk("sales")));
  EXPECT_FAILS(attach(first_, disk("logs")), Errc::conflict);
  EXPECT_THAT(holders(disk("logs").volume), testing::IsEmpty());
  EXPECT_OK(attach(first_, disk("logs", "xvdt")));
  EXPECT_OK(attach(second_, disk("stock"))) << "another domain may have a device of the same name";
}

// Somebody else put another volume there meanwhile: it is not to be taken away.
TEST_P(BlockDevicesContract, OnlyTheVolumeThatIsMeantIsDetached) {
  ASSERT_OK(attach(first_, disk("logs")));
  EXPECT_OK(detach(first_, disk("sales"), broker::Detach::force));
  EXPECT_THAT(holders(disk("logs").volume), testing::ElementsAre(text_of(first_, "xvds")));
}

TEST_P(BlockDevicesContract, AVolumeMovesFromOneToTheOther) {
  const auto sales = disk("sales");
  for (const auto how : {broker::Detach::ask, broker::Detach::force}) {
    ASSERT_OK(attach(first_, sales));
    ASSERT_OK(detach(first_, sales, how));
    ASSERT_OK(attach(second_, sales));
    EXPECT_THAT(holders(sales.volume), testing::ElementsAre(text_of(second_, "xvds")));
    ASSERT_OK(detach(second_, sales, how));
  }
  EXPECT_THAT(holders(sales.volume), testing::IsEmpty());
}

}  // namespace zynclone::tests
