#include <algorithm>
#include <set>

#include "tests/host-broker/xen/store/contract_store.hpp"

namespace zynclone::xenstore {
namespace {

using Nodes = Contract;
using namespace std::string_literals;

TEST_F(Nodes, WhatIsWrittenIsRead) {
  ASSERT_TRUE(store.write(root + "/a", "value"));
  EXPECT_EQ(store.read(root + "/a").value(), "value");
  ASSERT_TRUE(store.write(root + "/a", ""));
  EXPECT_EQ(store.read(root + "/a").value(), "");
}

TEST_F(Nodes, ValuesAreBytes) {
  const std::string bytes = "a\0b\xff\n"s;
  ASSERT_TRUE(store.write(root + "/a", bytes));
  EXPECT_EQ(store.read(root + "/a").value(), bytes);
}

TEST_F(Nodes, WhatIsNotThereIsNoError) {
  EXPECT_EQ(store.read(root + "/nothing").value(), std::nullopt);
  EXPECT_TRUE(store.directory(root + "/nothing").value().empty());
  EXPECT_TRUE(store.remove(root + "/nothing/below"));
}

TEST_F(Nodes, WriteMakesTheNodesAbove) {
  ASSERT_TRUE(store.write(root + "/a/b/c", "value"));
  EXPECT_EQ(store.read(root + "/a/b").value(), "");
  EXPECT_EQ(store.directory(root + "/a").value(), (std::vector<std::string>{"b"}));
}

TEST_F(Nodes, RemoveTakesAllBelow) {
  ASSERT_TRUE(store.write(root + "/a/b/c", "value"));
  ASSERT_TRUE(store.write(root + "/d", "value"));
  ASSERT_TRUE(store.remove(root + "/a"));
  EXPECT_EQ(store.read(root + "/a/b/c").value(), std::nullopt);
  EXPECT_EQ(store.directory(root).value(), (std::vector<std::string>{"d"}));
}

TEST_F(Nodes, ListsLongerThanAMessageAreWhole) {
  std::set<std::string> names;
  ASSERT_TRUE(store.transact([&](Transaction& transaction) -> Result<void> {
    for (int number = 0; number < 700; ++number) {
      const std::string name = "child-" + std::to_string(number);
      names.insert(name);
      TRY(transaction.write(root + "/many/" + name, ""));
    }
    return outcome::success();
  }));
  const auto listed = store.directory(root + "/many").value();
  EXPECT_EQ(std::set<std::string>(listed.begin(), listed.end()), names);
  EXPECT_EQ(listed.size(), names.size());
}

TEST_F(Nodes, BadPathsAreInvalidArguments) {
  for (const std::string& path : {root + "/", root + "//a", root + "/a b", root + "/a.b", root + "/" + std::string(2100, 'x'), ""s, root + "/a\0b"s}) {
    const auto written = store.write(path, "value");
    ASSERT_FALSE(written) << path;
    EXPECT_EQ(written.error().code, Errc::invalid_argument) << written.error().message;
    EXPECT_NE(written.error().message.find("cannot write XenStore node '"), std::string::npos) << written.error().message;
    EXPECT_FALSE(store.read(path)) << path;
  }
}

TEST_F(Nodes, ThePathStaysUsableAfterAnError) {
  ASSERT_FALSE(store.write(root + "//a", "value"));
  EXPECT_TRUE(store.write(root + "/a", "value"));
}

// xenstored closes the connection of a client that sends more than XENSTORE_PAYLOAD_MAX; libxenstore does not let it come to that.
TEST_F(Nodes, ValuesThatNoMessageHoldsAreRefused) {
  EXPECT_FALSE(store.write(root + "/a", std::string(5000, 'x')));
  Store another = open();
  EXPECT_EQ(another.read(root + "/a").value(), std::nullopt);
}

TEST_F(Nodes, AStoreMayBeMoved) {
  Store moved = open();
  Store again = std::move(moved);
  EXPECT_TRUE(again.write(root + "/a", "value"));
}

}  // namespace
}  // namespace zynclone::xenstore
