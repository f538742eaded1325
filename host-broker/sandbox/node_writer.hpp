#pragma once
// Writes nodes of one pretended domain into XenStore, with the permissions that libxl gives them (libxl_create.c, libxl_device.c:
// libxl__device_generic_add). The first error is kept and all after it left out.

#include <optional>
#include <string>

#include "host-broker/sandbox/store/engine.hpp"
#include "host-broker/sandbox/store/path.hpp"

namespace zynclone::sandbox {

inline constexpr std::string_view k_node_connected = "4";  // XenbusStateConnected

class NodeWriter {
 public:
  NodeWriter(StoreEngine& engine, DomainId domain) : engine_(engine), domain_(domain) {}

  NodePermissions readable() const { return permissions(k_host_domain, domain_); }
  NodePermissions own() const { return permissions(domain_, std::nullopt); }
  NodePermissions host_only() const { return permissions(k_host_domain, std::nullopt); }
  NodePermissions frontend() const { return permissions(domain_, k_host_domain); }

  void write(const std::string& path, std::string_view value, NodePermissions permissions) {
    if (result_) result_ = engine_.write(path, value, std::move(permissions));
  }
  Result<void> result() const { return result_; }

 private:
  static NodePermissions permissions(DomainId owner, std::optional<DomainId> reader) {
    NodePermissions permissions;
    permissions.entries.push_back({.domain = owner});
    if (reader) permissions.entries.push_back({.domain = *reader, .access = k_may_read});
    return permissions;
  }

  StoreEngine& engine_;
  DomainId domain_;
  Result<void> result_ = outcome::success();
};

}  // namespace zynclone::sandbox
