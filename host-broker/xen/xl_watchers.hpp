#pragma once
// The daemons that `xl create` leaves behind to watch over domains: they clear away who ends, and start again who reboots. One that sees its domain
// suspended takes that for its end and goes (xl_vmcontrol.c: "Domain has suspended", "Done. Exiting now"), also when the domain is resumed at once.
// Then nobody would start a till again whose guest reboots. So they stand still, too, while a domain is saved that is to go on.

#include <sys/types.h>

#include <string>
#include <vector>

namespace zynclone::broker::xen {

struct WatcherPlaces {
  std::string processes = "/proc";
  std::string logs = "/var/log/xen";   // each writes to xl-<domain's name>.log there (create_domain in xl_vmcontrol.c)
};

// Of this process's user, by their logs: whoever started them, and from whatever file.
std::vector<pid_t> find_xl_watchers(const std::string& domain_name, const WatcherPlaces& places = {});

// Lets them go on, should they have been stopped and forgotten.
void continue_xl_watchers(const std::string& domain_name, const WatcherPlaces& places = {});

// They stand still for as long as this lives. What happened meanwhile they see afterwards, as it is then.
class StoppedWatchers {
 public:
  explicit StoppedWatchers(const std::string& domain_name, const WatcherPlaces& places = {});
  StoppedWatchers(const StoppedWatchers&) = delete;
  StoppedWatchers& operator=(const StoppedWatchers&) = delete;
  ~StoppedWatchers();

 private:
  std::vector<pid_t> processes_;
};

}  // namespace zynclone::broker::xen
