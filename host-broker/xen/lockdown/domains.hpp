#pragma once
// The domains that are there, as XenStore tells: who has which UUID and name. And the few words that all sides of lockdown share there.

#include <optional>
#include <string>
#include <vector>

#include "host-broker/xen/store/xenstore.hpp"

namespace zynclone::broker::xen {

struct DomainEntry {
  DomainId id;
  Uuid uuid;          // empty for domain 0
  std::string name;   // untrusted: may be anything; empty when it has none yet
};

class Domains {
 public:
  Domains() = default;
  explicit Domains(std::vector<DomainEntry> entries) : entries_(std::move(entries)) {}

  // Domains that appear or vanish meanwhile may be missing. Errors: those of XenStore.
  static Result<Domains> read(xenstore::Store& store);

  const std::vector<DomainEntry>& all() const { return entries_; }
  // The newest, while a VM has two (it is migrated, or its old domain is still dying).
  std::optional<DomainId> with_uuid(const Uuid& uuid) const;
  // A backend as configuration names it: a domain's number or its name.
  std::optional<DomainId> backend(const std::string& text) const;

 private:
  std::vector<DomainEntry> entries_;
};

// A domain's number in text as XenStore has it: digits only, below 32768. None for anything else.
std::optional<DomainId> parse_domain_id(std::string_view untrusted_text);
// "/vm/<uuid>", what /local/domain/<id>/vm says.
std::optional<Uuid> parse_vm_path(std::string_view untrusted_text);
std::string domain_path(DomainId domain);

// Where lockdown stands in XenStore: families by UUID, and each backend's acknowledgements, <domain>/<family> = generation.
inline const std::string k_families_path = "/zynclone/family";
inline const std::string k_acknowledgements_path = "/zynclone/ack";
std::string acknowledgements_of(DomainId backend);

// A generation in text: digits only. None for anything else.
std::optional<Generation> parse_generation(std::string_view untrusted_text);

}  // namespace zynclone::broker::xen
