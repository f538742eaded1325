#pragma once
// Reads operations. Calls stand inside the caller's transaction and throw soci_error; sql_reader.cpp turns that into a Result. One thread.

#include <soci/soci.h>

#include "host-broker/ports/journal.hpp"

namespace zynclone::broker::journal {

class OperationQueries {
 public:
  explicit OperationQueries(soci::session& session) : session_(session) {}

  // As of Journal, in ports/journal.hpp.
  Result<std::optional<OperationRecord>> find(const OperationId& id);
  Result<std::optional<OperationRecord>> find_request(const std::string& requester, const RequestId& id);
  Result<std::vector<OperationRecord>> list(const OperationFilter& filter);

 private:
  // `where` and what follows it, with at most two texts bound to :first and :second. Without steps and approvers.
  Result<std::vector<OperationRecord>> select(const std::string& where, const std::string& first, const std::string& second);
  Result<std::optional<OperationRecord>> one(const std::string& where, const std::string& first, const std::string& second);
  Result<void> complete(OperationRecord& operation);
  Result<void> read_steps(OperationRecord& operation);
  void read_approvers(OperationRecord& operation);

  soci::session& session_;
};

}  // namespace zynclone::broker::journal
