#include "host-broker/xen/xl_errors.hpp"

#include <gtest/gtest.h>

namespace zynclone::broker::xen {
namespace {

// What xl 4.17 says when a disk is not there.
TEST(CauseOfFailure, IsTheFirstError) {
  EXPECT_EQ(cause_of_failure(R"(libxl: warning: libxl_create.c:1: something else
libxl: error: libxl_device.c:455:libxl__device_disk_set_backend: Disk vdev=xvda failed to stat: /dev/vg0/none: No such file or directory
libxl: error: libxl_create.c:1318:initiate_domain_create: Domain 11:Unable to set disk defaults for disk 0
libxl: error: libxl_domain.c:1183:libxl__destroy_domid: Domain 11:Non-existant domain
libxl: error: libxl_domain.c:1137:domain_destroy_callback: Domain 11:Unable to destroy guest
)"),
            "Disk vdev=xvda failed to stat: /dev/vg0/none: No such file or directory; "
            "Domain 11:Unable to set disk defaults for disk 0; Domain 11:Non-existant domain");
}

TEST(CauseOfFailure, IsMadePrintableAndShort) {
  EXPECT_EQ(cause_of_failure(""), "");
  EXPECT_EQ(cause_of_failure("\n\n"), "");
  EXPECT_EQ(cause_of_failure("a\x1b[2J"), "a\\x1b[2J");
  EXPECT_EQ(cause_of_failure("/etc/xen/a.cfg:3: config parsing error\nFailed to parse config: Invalid argument"),
            "/etc/xen/a.cfg:3: config parsing error; Failed to parse config: Invalid argument");
  EXPECT_EQ(cause_of_failure("libxl: error: no place"), "no place");
  EXPECT_EQ(cause_of_failure(std::string(5000, 'x')), std::string(300, 'x'));
}

}  // namespace
}  // namespace zynclone::broker::xen
