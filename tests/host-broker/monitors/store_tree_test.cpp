#include "host-broker/monitors/store_tree.hpp"

#include "tests/host-broker/monitors/lockdown_world.hpp"

namespace zynclone::broker::monitors {
namespace {

class StoreTree : public ::testing::Test {
 protected:
  Result<bool> write(const Nodes& nodes, Write how = Write::differences, std::vector<DomainId> readers = {}) {
    auto store = xenstore::Store::open(world.context.get_executor());
    bool changed = false;
    TRY(store.value().transact([&](xenstore::Transaction& transaction) -> Result<void> {
      TRY(changed, write_tree(transaction, "/tree", nodes, {.owner = {0}, .readers = readers}, how));
      return outcome::success();
    }));
    return changed;
  }
  Result<void> update(const Nodes& known, const Nodes& nodes, std::vector<DomainId> readers = {}) {
    auto store = xenstore::Store::open(world.context.get_executor());
    return store.value().transact([&](xenstore::Transaction& transaction) {
      return update_tree(transaction, "/tree", known, nodes, {.owner = {0}, .readers = readers});
    });
  }
  Result<std::optional<Nodes>> read() {
    auto store = xenstore::Store::open(world.context.get_executor());
    std::optional<Nodes> nodes;
    TRY(store.value().transact([&](xenstore::Transaction& transaction) -> Result<void> {
      TRY(nodes, read_tree(transaction, "/tree"));
      return outcome::success();
    }));
    return nodes;
  }

  LockdownWorld world;
};

TEST_F(StoreTree, ReadsBackWhatItWrote) {
  EXPECT_EQ(read().value(), std::nullopt);
  const Nodes nodes{{"", ""}, {"a", "1"}, {"b", ""}, {"b/c", ""}, {"b/c/d", "3"}};
  EXPECT_EQ(write(nodes).value(), true);
  EXPECT_EQ(read().value(), nodes);
}

TEST_F(StoreTree, BelowAValueNothingIsRead) {
  ASSERT_OK(write({{"", ""}, {"a", "1"}}));
  world.write("/tree/a/hand", "2");
  EXPECT_EQ(read().value(), (Nodes{{"", ""}, {"a", "1"}}));
}

TEST_F(StoreTree, TouchesOnlyWhatDiffers) {
  const Nodes nodes{{"", ""}, {"a", "1"}, {"b", "2"}};
  EXPECT_EQ(write(nodes).value(), true);
  EXPECT_EQ(write(nodes).value(), false);
  world.write("/tree/b", "hand");
  EXPECT_EQ(write(nodes).value(), true);
  EXPECT_EQ(read().value(), nodes);
}

TEST_F(StoreTree, UpdatesWhatItKnowsWithoutReadingIt) {
  const Nodes before{{"", ""}, {"a", "1"}, {"b", ""}, {"b/c", "2"}, {"d", "3"}};
  ASSERT_OK(write(before));
  world.write("/tree/d", "hand");
  const Nodes after{{"", ""}, {"a", "2"}, {"d", "3"}, {"e", ""}, {"e/f", "5"}};
  ASSERT_OK(update(before, after));
  EXPECT_EQ(read().value(), (Nodes{{"", ""}, {"a", "2"}, {"d", "hand"}, {"e", ""}, {"e/f", "5"}})) << "only what differs is written";
  world.add_domain(5, Uuid::derived("driver"), "znetdd");
  ASSERT_OK(update(after, {{"", ""}, {"a", "3"}, {"g", "6"}}, {DomainId{5}}));
  EXPECT_EQ(world.permissions("/tree/a"), "n0") << "as it was";
  EXPECT_EQ(world.permissions("/tree/g"), "n0 r5");
}

TEST_F(StoreTree, RemovesWhatIsNotWanted) {
  ASSERT_OK(write({{"", ""}, {"a", "1"}, {"b", ""}, {"b/c", ""}, {"b/c/d", "3"}, {"bc", "4"}}));
  const Nodes nodes{{"", ""}, {"a", "1"}, {"bc", "4"}};
  EXPECT_EQ(write(nodes).value(), true);
  EXPECT_EQ(read().value(), nodes);
  EXPECT_EQ(write({}).value(), true);
  EXPECT_EQ(read().value(), std::nullopt);
}

TEST_F(StoreTree, SetsPermissionsWithEachNode) {
  world.add_domain(5, Uuid::derived("driver"), "znetdd");
  ASSERT_OK(write({{"", ""}, {"a", "1"}}, Write::differences, {DomainId{5}}));
  EXPECT_EQ(world.permissions("/tree"), "n0 r5");
  EXPECT_EQ(world.permissions("/tree/a"), "n0 r5");
  ASSERT_OK(write({{"", ""}, {"a", "1"}}, Write::everything, {}));
  EXPECT_EQ(world.permissions("/tree/a"), "n0");
}

TEST_F(StoreTree, RefusesATreeThatIsTooDeepOrTooLarge) {
  world.write("/tree/1/2/3/4/5/6/7/8/9", "deep");
  EXPECT_FAILS(read(), Errc::limit_exceeded);
}

TEST(Nodes, KnowsPartsAndChildren) {
  const Nodes nodes{{"", ""}, {"a", "1"}, {"a/b", "2"}, {"a/b/c", "3"}, {"ab", "4"}};
  EXPECT_EQ(below(nodes, "a"), (Nodes{{"", "1"}, {"b", "2"}, {"b/c", "3"}}));
  EXPECT_EQ(below(nodes, "x"), Nodes{});
  EXPECT_EQ(children(nodes, ""), (std::vector<std::string>{"a", "ab"}));
  EXPECT_EQ(children(nodes, "a"), (std::vector<std::string>{"b"}));
}

}  // namespace
}  // namespace zynclone::broker::monitors
