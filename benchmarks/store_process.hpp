// SPDX-License-Identifier: BSL-1.0
//
// A subject in a process of its own, so that its memory and its writes are its own, and stopped
// while it is the turn of another, so that what it still has to do in the background costs nobody
// else.
#pragma once

#include "store_slice.hpp"

#include <sys/types.h>

namespace store_bench {

// How much memory a process and the pages of the files it reads may take.
class memory_limit {
public:
    // Makes a control group for the processes that enter it, if this process may.
    explicit memory_limit(std::uint64_t bytes);
    memory_limit(const memory_limit&) = delete;
    memory_limit& operator=(const memory_limit&) = delete;
    ~memory_limit();

    //   Returns     whether there is one
    explicit operator bool() const { return !path_.empty(); }
    //   Effects     this process is limited from now on
    void enter() const;

private:
    std::string path_;
};

// What a process did. Bytes are those that it handed to the system to be written; none of the
// databases writes to mapped files. What the system counts as written for a process is of no use:
// it is whole folios of the page cache, of up to a megabyte for one block.
struct footprint {
    double rss_mb = 0;
    double disk_mb = 0;
    std::uint64_t written_bytes = 0;
};

// Waits until this process has written nothing for some time, or for `most_seconds`.
void settle(double most_seconds);
[[nodiscard]] footprint footprint_of_this(const std::string& directory);
// Waits until the files there have taken the same space for five seconds, for a minute at most.
//   Returns     how long it took until they did, in seconds
[[nodiscard]] double settle_size(const std::string& directory);
// Makes the system forget the pages of the files there.
void forget_pages(const std::string& directory);

// One request is answered by one answer; both are plain bytes.
struct request {
    enum class kind { run, load, erase, count, end } what = kind::end;
    slice part{};
    bool sorted = false;  // of load
};
struct answer {
    sliced part{};
    totals counted{};
    std::uint64_t expected_rows = 0;
    footprint used{};
    double settled_s = 0;  // of erase: until the files had their size
};

class served {
public:
    struct plan {
        setup how;
        std::uint64_t rows = 0;  // loaded before it answers; 0: none
        const tables_of_draws* drawn = nullptr;
        const memory_limit* limit = nullptr;  // entered once the rows are there, if given
    };

    //   Effects     a process that has opened the database, loaded it, and is stopped
    served(const contender& who, const plan& what);
    served(const served&) = delete;
    served& operator=(const served&) = delete;
    ~served();

    [[nodiscard]] answer ask(const request& what);
    //   Returns     what was there once it was loaded
    [[nodiscard]] const answer& loaded() const { return loaded_; }

private:
    answer receive();

    std::string name_;
    pid_t process_ = -1;
    int to_ = -1;
    int from_ = -1;
    answer loaded_;
};

//   Returns     of this process and those that it began, so far
double processor_seconds();

// Runs f in a process of its own.
//   Returns     whether f returned true
bool alone(const std::function<bool()>& f);

}  // namespace store_bench
