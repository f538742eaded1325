#include "host-broker/sandbox/disk_nodes.hpp"

#include <gtest/gtest.h>

#include "tests/support/result_matchers.hpp"

namespace zynclone::sandbox {
namespace {

TEST(DeviceNumber, IsXens) {
  const std::vector<std::pair<std::string, unsigned>> known{{"xvda", 51712}, {"xvdb", 51728}, {"xvda1", 51713},
                                                            {"sda", 2048},   {"sdb2", 2066},  {"hda", 768},     {"hdd1", 5697}};
  for (const auto& [device, number] : known) {
    const auto found = device_number(device);
    ASSERT_OK(found) << device;
    EXPECT_EQ(found.value(), number) << device;
  }
  EXPECT_EQ(device_number("xvdp").value(), (202u << 8) | (15u << 4));
  EXPECT_EQ(device_number("xvdq").value(), (1u << 28) | (16u << 8)) << "the seventeenth is the first of the larger numbers";
  EXPECT_EQ(device_number("xvdiv").value(), (1u << 28) | (255u << 8));
}

TEST(DeviceNumber, WhatXenDoesNotKnowIsRefused) {
  for (const char* device : {"", "xvd", "vda", "xvdA", "xvda0", "xvda16", "xvda1x", "xvdiw", "xvdzzzzzzzzzz", "sdq", "hde", "a", "../x", "xvda/b"})
    EXPECT_FAILS(device_number(device), Errc::invalid_argument) << device;
}

class DiskNodes : public ::testing::Test {
 protected:
  DiskNodes() { engine.add_domain({7}); }
  std::string permissions_of(const std::string& path) {
    const auto node = StoreTree(engine.tree()).read({k_host_domain}, path);
    std::string text = node ? to_strings(node.value()->permissions) : "none";
    for (char& letter : text)
      if (letter == '\0') letter = ' ';
    return text;
  }
  const broker::VmDisk disk{.device = "xvdb", .volume = {broker::VolumeFormat::qcow2, "/images/sales.qcow2"}};
  const std::string back = "/local/domain/0/backend/vbd/7/51728";
  const std::string front = "/local/domain/7/device/vbd/51728";
  StoreEngine engine;
};

TEST_F(DiskNodes, AreLibxlsOnBothSides) {
  ASSERT_OK(make_disk_nodes(engine, {7}, disk));
  const std::vector<std::pair<std::string, std::string>> wanted{
      {back + "/frontend", front}, {back + "/frontend-id", "7"}, {back + "/params", "/images/sales.qcow2"}, {back + "/dev", "xvdb"},
      {back + "/mode", "w"},       {back + "/online", "1"},      {back + "/state", "4"},                    {front + "/backend", back},
      {front + "/backend-id", "0"}, {front + "/virtual-device", "51728"}, {front + "/state", "4"}, {"/libxl/7/device/vbd/51728/backend", back}};
  for (const auto& [path, value] : wanted) EXPECT_EQ(engine.read(path).value(), value) << path;
  EXPECT_EQ(permissions_of(back), "n0 r7 ");
  EXPECT_EQ(permissions_of(back + "/params"), "n0 r7 ");
  EXPECT_EQ(permissions_of(front), "n7 r0 ");
  EXPECT_EQ(permissions_of("/libxl/7/device/vbd/51728"), "n0 ");
}

TEST_F(DiskNodes, SayThatItMayOnlyBeRead) {
  auto read_only = disk;
  read_only.writable = false;
  ASSERT_OK(make_disk_nodes(engine, {7}, read_only));
  EXPECT_EQ(engine.read(back + "/mode").value(), "r");
}

TEST_F(DiskNodes, GoWithoutATrace) {
  ASSERT_OK(make_disk_nodes(engine, {7}, disk));
  remove_disk_nodes(engine, {7}, disk);
  for (const std::string& path : {back, front, std::string("/libxl/7/device/vbd/51728")}) EXPECT_FALSE(engine.read(path)) << path;
  remove_disk_nodes(engine, {7}, disk);
}

TEST_F(DiskNodes, OfAnUnknownDeviceAreNotMade) {
  auto unknown = disk;
  unknown.device = "vdb";
  EXPECT_FAILS(make_disk_nodes(engine, {7}, unknown), Errc::invalid_argument);
  remove_disk_nodes(engine, {7}, unknown);
  EXPECT_FALSE(engine.read("/local/domain/0/backend/vbd/7"));
}

}  // namespace
}  // namespace zynclone::sandbox
