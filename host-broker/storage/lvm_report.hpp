#pragma once
// What `lvs` says about the logical volumes of a group, read from its JSON (lvmreport(7)).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace zynclone::broker::storage {

struct VolumeName {
  std::string group;   // vg0
  std::string volume;  // pos1-root
  std::string text() const { return group + "/" + volume; }
  std::string mapper_name() const;  // vg0-pos1--root
  std::string path() const { return "/dev/" + text(); }
};

// From /dev/<group>/<volume> or /dev/mapper/<group>-<volume> (where a '-' in a name is doubled). Errors: invalid_argument, with the reason why a
// device of another kind is not taken.
Result<VolumeName> parse_lvm_path(const std::string& path);

struct LogicalVolume {
  std::string name;
  std::uint64_t size = 0;                  // bytes
  bool active = false;
  bool thin_volume = false;
  bool thin_pool = false;
  std::string pool;                        // a thin volume's
  std::string origin;                      // a snapshot's; empty when that is gone
  std::vector<std::string> tags;
  std::uint64_t metadata_size = 0;         // bytes; a pool's
  std::optional<double> data_percent;      // used; of an active pool or volume
  std::optional<double> metadata_percent;  // used; of an active pool
};

// The columns that `parse_lvs_report` needs, for `lvs -o`.
inline constexpr std::string_view k_lvs_columns =
    "lv_name,lv_size,lv_active,lv_layout,pool_lv,origin,lv_tags,lv_metadata_size,data_percent,metadata_percent";

// The output of `lvs --reportformat json --units b --nosuffix -o <k_lvs_columns>`. Errors: storage.
Result<std::vector<LogicalVolume>> parse_lvs_report(std::string_view text);

}  // namespace zynclone::broker::storage
