#pragma once
// What a pretended domain is made of, and the file that says it for an original, DIR/etc/xen/<vm>.cfg: key=value lines in the
// place of xl's configuration, whose parser is in no library.
//
//   uuid = 5f0c1c0e-0c59-4a07-a1ac-0d1fd5b84e7e
//   disk0 = xvda,qcow2,/path/of/pos1-root.qcow2          device,format,path[,ro]
//   vif0 = 00:16:3e:11:22:33,xenbr0                      MAC or auto,bridge[,backend[,interface]]
//   run0 = /usr/bin/some-program with arguments          beside the agent; split at spaces, no shell
//   agent = no                                           yes without this line
//   agent_hook_timeout = 2s                              what follows agent_ goes into the agent's configuration
//   agent_shared_volume.sales = ~/mnt/sales              and ~/ there is the folder of each domain that the file is for, DIR/domains/<id>/

#include <map>
#include <string>
#include <vector>

#include "host-broker/ports/toolstack.hpp"

namespace zynclone::sandbox {

struct DomainSpec {
  std::string name;
  Uuid uuid;
  std::vector<broker::VmDisk> disks;
  std::vector<broker::CloneDomain::Vif> vifs;
  std::vector<std::vector<std::string>> programs;  // argument vectors
  bool has_agent = true;
  std::map<std::string, std::string> agent_settings;
};

// Errors: configuration with file:line; a uuid must be there.
Result<DomainSpec> parse_domain_spec(std::string_view untrusted_text, const std::string& file, std::string name);

// Reads the file. The domain's name is the file's, without .cfg.
Result<DomainSpec> read_domain_spec(const std::string& file);

// A disk and an interface as in the file. Errors: invalid_argument.
Result<broker::VmDisk> parse_disk(std::string_view untrusted_text);
Result<broker::CloneDomain::Vif> parse_vif(std::string_view untrusted_text, unsigned index);
std::string disk_text(const broker::VmDisk& disk);
std::string vif_text(const broker::CloneDomain::Vif& vif);

}  // namespace zynclone::sandbox
