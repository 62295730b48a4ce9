// SPDX-License-Identifier: BSL-1.0
//
// What the benchmark `store` asks of a database, and the parts of the benchmark.
//
// A session is what one thread has: its connection, transaction or cursor. All bytes of a value
// that was found are handed to a visitor, which touches them; whether they are copied before is
// the database's affair.
#pragma once

#include "on_disk.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace store_bench {

// What a commit promises when it returns: to survive the end of the process, or of the machine.
enum class promise { buffered, sync };

[[nodiscard]] constexpr const char* name_of(promise which) noexcept {
    return which == promise::buffered ? "buffered" : "sync";
}

struct row {
    std::string_view key;
    std::string_view value;
};

class visitor {
public:
    virtual ~visitor() = default;
    //   Requires    both are valid until it returns
    virtual void see(std::string_view key, std::string_view value) = 0;
};

// Makes the value that follows an older one; of the same size.
class changer {
public:
    virtual ~changer() = default;
    virtual void change(std::string& value) = 0;
};

// Threads: one at a time.
class session {
public:
    virtual ~session() = default;

    //   Returns     whether there is such a row, which was seen then
    virtual bool read(std::string_view key, visitor& by) = 0;
    // The row has that value now, whether or not it was there: a commit of its own.
    virtual void put(std::string_view key, std::string_view value) = 0;
    // The same for all of them, in one commit.
    virtual void put_all(std::span<const row> rows) = 0;
    // None of these is there any more; in one commit.
    virtual void erase_all(std::span<const std::string_view> keys) = 0;
    // Up to `most` rows, ascending, from `from` on, all as they were at one moment.
    //   Returns     how many were seen
    virtual std::size_t scan(std::string_view from, std::size_t most, visitor& by) = 0;
    // Reads the row and writes what follows from it; nobody changes it in between. Begins anew when
    // somebody did.
    //   Returns     whether there is such a row
    virtual bool modify(std::string_view key, changer& by) = 0;

    //   Returns     how often modify() or put() had to begin anew
    [[nodiscard]] std::uint64_t conflicts() const { return conflicts_; }

protected:
    std::uint64_t conflicts_ = 0;
};

// An open database. Closing it is its destructor's; its sessions are gone then.
class database {
public:
    virtual ~database() = default;
    [[nodiscard]] virtual std::unique_ptr<session> connect() = 0;
};

struct setup {
    std::string directory;
    promise promised = promise::buffered;
    std::uint64_t memory_bytes = 0;   // for its caches and buffers together
    std::uint64_t data_bytes = 0;     // what it will be asked to hold, about
    unsigned sessions = 1;            // at once
    bool larger_than_memory = false;  // the data is, than memory_bytes
    bool few_in_memory = false;       // so much larger that nearly every page is read for one row
};

struct contender {
    std::string name;
    measure::role is = measure::role::peer;
    std::string build;       // which one, and how it is set up
    bool in_memory = false;  // holds all rows in memory, whatever memory_bytes says
    std::function<std::unique_ptr<database>(const setup&)> open;
};

// --- the databases ---

std::vector<contender> mantis_stores();
//   Returns     those that benchmarks/run found, by PEER_HAVE_...
std::vector<contender> log_structured_peers();
std::vector<contender> tree_peers();

// --- the self-test ---

// Compares each of them with a map after the same changes, and the choosers of keys with their
// distributions; also sees that databases which lose something are refused.
//   Returns     whether all is as it should be
bool check_all(const std::vector<contender>& all);

}  // namespace store_bench
