// SPDX-License-Identifier: BSL-1.0
#include "life.hpp"

namespace simulate {

const std::vector<std::string>& components() {
    static const std::vector<std::string> all{"log", "store", "pages", "documents"};
    return all;
}

const std::vector<std::string>& rare_points(const std::string& component) {
    static const std::vector<std::string> log{"crash in the middle", "crash while opening",
                                              "opening met a fault", "process killed",
                                              "several segments",    "torn tail",
                                              "transaction dropped", "buffered commits lost",
                                              "segment of a spare",  "mapped write"};
    static const std::vector<std::string> store{
        "crash in the middle", "crash while opening", "opening met a fault",   "process killed",
        "several segments",    "torn tail",           "buffered commits lost", "conflict",
        "refused commit",      "unknown outcome",     "table dropped"};
    static const std::vector<std::string> documents{
        "crash in the middle", "crash while opening",    "opening met a fault",
        "process killed",      "batch seen by a reader", "buffered commits lost"};
    if (component == "log") return log;
    return component == "documents" ? documents : store;
}

outcome live(const plan& of) {
    if (of.component == "log") return live_log(of);
    if (of.component == "pages") return live_pages(of);
    return of.component == "store" ? live_store(of) : live_documents(of);
}

}  // namespace simulate
