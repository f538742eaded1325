#include "host-broker/sandbox/domain_nodes.hpp"

#include <gtest/gtest.h>

#include "tests/support/result_matchers.hpp"

namespace zynclone::sandbox {
namespace {

DomainSpec make_spec() {
  return parse_domain_spec("uuid = 5f0c1c0e-0c59-4a07-a1ac-0d1fd5b84e7e\nvif0 = 00:16:3e:11:22:33,xenbr0,0,vifpos1a\n", "pos1.cfg", "pos1").value();
}

class DomainNodes : public ::testing::Test {
 protected:
  DomainNodes() {
    engine.add_domain({7});
    engine.add_domain({8});
    EXPECT_OK(make_domain_nodes(engine, {7}, make_spec()));
  }

  std::string permissions_of(const std::string& path) {
    const auto node = engine.tree().has_domain({7}) ? StoreTree(engine.tree()).read({k_host_domain}, path) : StoreError::no_entry;
    std::string text = node ? to_strings(node.value()->permissions) : "none";
    for (char& letter : text)
      if (letter == '\0') letter = ' ';
    return text;
  }

  StoreEngine engine;
};

TEST_F(DomainNodes, AreLibxlsWithItsPermissions) {
  EXPECT_EQ(engine.read("/local/domain/7/name").value(), "pos1");
  EXPECT_EQ(engine.read("/local/domain/7/domid").value(), "7");
  EXPECT_EQ(engine.read("/local/domain/7/vm").value(), "/vm/5f0c1c0e-0c59-4a07-a1ac-0d1fd5b84e7e");
  EXPECT_EQ(engine.read("/vm/5f0c1c0e-0c59-4a07-a1ac-0d1fd5b84e7e/uuid").value(), "5f0c1c0e-0c59-4a07-a1ac-0d1fd5b84e7e");
  EXPECT_EQ(permissions_of("/local/domain/7"), "n0 r7 ");
  EXPECT_EQ(permissions_of("/local/domain/7/data"), "n7 ");
  EXPECT_EQ(permissions_of("/local/domain/7/control"), "n0 r7 ");
  EXPECT_EQ(permissions_of("/local/domain/7/control/shutdown"), "n7 ");
  EXPECT_EQ(permissions_of("/libxl/7"), "n0 ");
}

TEST_F(DomainNodes, HaveBothSidesOfAnInterface) {
  EXPECT_EQ(engine.read("/local/domain/7/device/vif/0/backend").value(), "/local/domain/0/backend/vif/7/0");
  EXPECT_EQ(engine.read("/local/domain/7/device/vif/0/mac").value(), "00:16:3e:11:22:33");
  EXPECT_EQ(engine.read("/local/domain/0/backend/vif/7/0/frontend").value(), "/local/domain/7/device/vif/0");
  EXPECT_EQ(engine.read("/local/domain/0/backend/vif/7/0/vifname").value(), "vifpos1a");
  EXPECT_EQ(engine.read("/local/domain/0/backend/vif/7/0/bridge").value(), "xenbr0");
  EXPECT_EQ(permissions_of("/local/domain/7/device/vif/0"), "n7 r0 ");
  EXPECT_EQ(permissions_of("/local/domain/0/backend/vif/7/0"), "n0 r7 ");
}

TEST_F(DomainNodes, GoWithoutATrace) {
  remove_domain_nodes(engine, {7}, make_spec());
  for (const char* path : {"/local/domain/7", "/vm/5f0c1c0e-0c59-4a07-a1ac-0d1fd5b84e7e", "/libxl/7", "/local/domain/0/backend/vif/7"})
    EXPECT_FALSE(engine.read(path)) << path;
}

TEST_F(DomainNodes, OfADomainWithoutInterfacesHaveNoBackend) {
  auto spec = make_spec();
  spec.vifs.clear();
  spec.uuid = Uuid::derived("another");
  ASSERT_OK(make_domain_nodes(engine, {8}, spec));
  EXPECT_FALSE(engine.read("/local/domain/0/backend/vif/8"));
}

}  // namespace
}  // namespace zynclone::sandbox
