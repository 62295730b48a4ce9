// SPDX-License-Identifier: BSL-1.0
//
// What may go wrong with an I/O: which, when, for how long, and what a store owes its users then.
//
// The simulator and faulty<Platform> inject the same faults:
//
//   world.inject({.on = io_kind::write, .nth = 3});                    // fails the third one
//   world.inject({.on = space_io, .code = error_code::no_space, .nth = 9, .count = 5});
//   world.inject({.kind = fault_kind::flip_on_read, .one_in = 50, .count = fault::for_ever});
//
// A fault looks at the I/Os that match it: of a kind in `on` that fault_kind can strike, of a path
// that contains `path_part`, touching the bytes [first_byte, end_byte). It passes over the first
// nth - 1 of them, strikes each further one with a chance of one in `one_in`, and is over after
// `count` strikes. Of several faults that would strike one I/O the one injected first does, and the
// others wait for the next; only `slow` comes on top of another.
//
// Threads: one at a time; the worlds that use an injector see to that.
#pragma once

#include "simulated/random.hpp"

#include "../core/error.hpp"

#include <cerrno>
#include <vector>

namespace mantis {

enum class io_kind : std::uint8_t {
    open_directory,
    lock,
    open,
    exists,
    list,
    remove,
    rename,
    sync_directory,
    read,
    write,
    sync,
    size,
    resize,
    preallocate,
    free_bytes,
};
inline constexpr std::size_t io_kind_count = 15;

[[nodiscard]] constexpr const char* name_of(io_kind kind) noexcept {
    constexpr const char* names[io_kind_count] = {
        "open_directory", "lock",   "open",           "exists",      "list",
        "remove",         "rename", "sync_directory", "read",        "write",
        "sync",           "size",   "resize",         "preallocate", "free_bytes"};
    return names[static_cast<std::size_t>(kind)];
}

// A set of kinds; one kind is a set, and a | b is both.
class io_kinds {
public:
    constexpr io_kinds(io_kind one) noexcept
        : bits_{std::uint32_t{1} << static_cast<std::uint32_t>(one)} {}
    [[nodiscard]] static constexpr io_kinds from_bits(std::uint32_t bits) noexcept {
        io_kinds set{io_kind::read};
        set.bits_ = bits & ((std::uint32_t{1} << io_kind_count) - 1);
        return set;
    }
    [[nodiscard]] constexpr std::uint32_t bits() const noexcept { return bits_; }
    [[nodiscard]] constexpr bool has(io_kind kind) const noexcept {
        return (bits_ & io_kinds{kind}.bits_) != 0;
    }
    [[nodiscard]] friend constexpr bool operator==(io_kinds, io_kinds) noexcept = default;

private:
    std::uint32_t bits_;
};
[[nodiscard]] constexpr io_kinds operator|(io_kinds a, io_kinds b) noexcept {
    return io_kinds::from_bits(a.bits() | b.bits());
}
[[nodiscard]] constexpr io_kinds operator|(io_kind a, io_kind b) noexcept {
    return io_kinds{a} | io_kinds{b};
}

inline constexpr io_kinds any_io = io_kinds::from_bits(~std::uint32_t{0});
// Those that a full disk refuses.
inline constexpr io_kinds space_io =
    io_kind::open | io_kind::write | io_kind::resize | io_kind::preallocate;
// Those that need a descriptor; a process that has none left gets error_code::io.
inline constexpr io_kinds descriptor_io = io_kind::open_directory | io_kind::open | io_kind::list;
// Those of one open file.
inline constexpr io_kinds file_io = io_kind::read | io_kind::write | io_kind::sync | io_kind::size |
                                    io_kind::resize | io_kind::preallocate;

enum class fault_kind : std::uint8_t {
    fail,               // answers `code` and does nothing
    fail_halfway,       // answers `code` and has happened in part: some of the bytes, some of the
                        // space, some of the synced changes; a change of names all or nothing
    split,              // a read or write comes in several transfers, with time in between
    lying_sync,         // answers success and has synced nothing; after_sync says what follows
    flip_on_read,       // one bit of what is read is wrong; the file is right
    flip_at_rest,       // one bit of the file has turned before the I/O
    lost_write,         // answers success and has written nothing
    misdirected_write,  // answers success and has written to another sector of the file
    stale_read,         // some of what is read is as it was before it was last written
    foreign_file,       // before it is opened, the file is replaced by one of other contents
    slow,               // takes `slowdown` times as long
};
inline constexpr std::size_t fault_kind_count = 11;

[[nodiscard]] constexpr const char* name_of(fault_kind kind) noexcept {
    constexpr const char* names[fault_kind_count] = {
        "fail",         "fail_halfway", "split",      "lying_sync",
        "flip_on_read", "flip_at_rest", "lost_write", "misdirected_write",
        "stale_read",   "foreign_file", "slow"};
    return names[static_cast<std::size_t>(kind)];
}

// What becomes of the changes that a failed sync of a file had to settle.
enum class failed_sync : std::uint8_t {
    keeps,    // they wait for the next sync
    forgets,  // programs see them until the power fails, and no later sync settles them
    reverts,  // gone at once: the file reads as it lies on the platters
};

struct fault {
    static constexpr std::uint64_t for_ever = ~std::uint64_t{0};

    fault_kind kind = fault_kind::fail;
    io_kinds on = any_io;
    error_code code = error_code::io;  // of fail and fail_halfway
    std::uint64_t nth = 1;             // the first that may be struck; 1 is the next one
    std::uint64_t one_in = 1;          // below 2^32
    std::uint64_t count = 1;           // or for_ever
    bytes path_part = {};              // empty: of every path
    std::uint64_t first_byte = 0;      // a range strikes reads and writes only
    std::uint64_t end_byte = for_ever;
    failed_sync after_sync = failed_sync::keeps;  // of a sync that fails or lies
    std::uint64_t slowdown = 10'000;
};

// What a store owes its users under a fault.
enum class fault_duty : std::uint8_t {
    // Every commit it acknowledged is there, none that it refused is, and all it says is right.
    // Calls may fail meanwhile.
    must_survive,
    // What it acknowledged may be lost, but nothing wrong is ever told: either a call fails, or
    // what is told is the result of whole commits.
    must_detect,
};

[[nodiscard]] constexpr fault_duty duty_of(fault_kind kind) noexcept {
    switch (kind) {
        case fault_kind::fail:
        case fault_kind::fail_halfway:
        case fault_kind::split:
        case fault_kind::slow: return fault_duty::must_survive;
        default: return fault_duty::must_detect;
    }
}
[[nodiscard]] inline fault_duty duty_of(const fault& what) noexcept { return duty_of(what.kind); }

// The kinds of I/O that such a fault can strike at all.
[[nodiscard]] constexpr io_kinds targets_of(fault_kind kind) noexcept {
    switch (kind) {
        case fault_kind::fail:
        case fault_kind::fail_halfway:
        case fault_kind::slow: return any_io;
        case fault_kind::split: return io_kind::read | io_kind::write;
        case fault_kind::lying_sync: return io_kind::sync | io_kind::sync_directory;
        case fault_kind::flip_on_read:
        case fault_kind::stale_read: return io_kind::read;
        case fault_kind::flip_at_rest: return file_io;
        case fault_kind::lost_write:
        case fault_kind::misdirected_write: return io_kind::write;
        case fault_kind::foreign_file: return io_kind::open;
    }
    return any_io;
}

// An I/O that is about to happen. `size` is that of a read or write and else 0.
struct io_event {
    io_kind kind;
    bytes_view path;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};

// What the faults do to one I/O.
struct fault_strike {
    bool strikes = false;        // false: nothing but `slowdown` below means anything
    std::uint64_t slowdown = 1;  // how many times longer than usual it takes
    fault_kind kind = fault_kind::fail;
    error_code code = error_code::io;
    failed_sync after_sync = failed_sync::keeps;
    std::uint64_t first_byte = 0;
    std::uint64_t end_byte = fault::for_ever;
    std::uint64_t seed = 0;  // for what is left to chance

    [[nodiscard]] bool is(fault_kind asked) const noexcept { return strikes && kind == asked; }
    // It answers its code, whatever else it does.
    [[nodiscard]] bool fails() const noexcept {
        return is(fault_kind::fail) || is(fault_kind::fail_halfway);
    }
};

// The error of an I/O that was made to fail.
[[nodiscard]] inline error injected_error(error_code code, const char* doing, const io_event& io) {
    const auto number = [code] {
        switch (code) {
            case error_code::no_space: return ENOSPC;
            case error_code::not_found: return ENOENT;
            case error_code::already_exists: return EEXIST;
            case error_code::invalid_argument: return EINVAL;
            case error_code::locked: return EWOULDBLOCK;
            default: return EIO;
        }
    };
    return error{code, doing}
        .about(io.path)
        .with("errno", static_cast<std::uint64_t>(number()))
        .with("offset", io.offset);
}

// A plan of faults, and where in it a world is.
class fault_injector {
public:
    explicit fault_injector(std::uint64_t seed) noexcept : random_{seed} {}

    //   Requires    what.one_in in [1, 2^32)
    void inject(const fault& what) {
        if (what.count != 0) plan_.push_back({what, 0, what.count});
    }
    //   Effects     no fault strikes any more
    void clear() noexcept { plan_.clear(); }
    // The I/O happens now; each is told once, in order.
    [[nodiscard]] fault_strike strike(const io_event& io) {
        fault_strike found;
        for (std::size_t i = 0; i < plan_.size();) {
            planned& each = plan_[i];
            if (strikes(each, io, found.strikes)) take(each, found);
            if (each.left != 0) ++i;
            else plan_.erase(plan_.begin() + static_cast<std::ptrdiff_t>(i));
        }
        return found;
    }

    // Faults of that kind are still to come.
    [[nodiscard]] bool expects(fault_kind kind) const noexcept {
        for (const planned& each : plan_)
            if (each.what.kind == kind) return true;
        return false;
    }
    [[nodiscard]] bool expects(failed_sync how) const noexcept {
        for (const planned& each : plan_)
            if (each.what.after_sync == how) return true;
        return false;
    }
    // How often faults of that kind have struck.
    [[nodiscard]] std::uint64_t struck(fault_kind kind) const noexcept {
        return struck_[static_cast<std::size_t>(kind)];
    }
    [[nodiscard]] std::uint64_t struck() const noexcept {
        std::uint64_t sum = 0;
        for (const std::uint64_t each : struck_) sum += each;
        return sum;
    }

private:
    struct planned {
        fault what;
        std::uint64_t seen;  // I/Os that matched
        std::uint64_t left;  // strikes
    };

    [[nodiscard]] bool strikes(planned& each, const io_event& io, bool occupied) noexcept {
        if (!matches(each.what, io) || ++each.seen < each.what.nth) return false;
        if (occupied && each.what.kind != fault_kind::slow) return false;
        return each.what.one_in <= 1 || random_.one_in(each.what.one_in);
    }
    void take(planned& each, fault_strike& found) noexcept {
        if (each.left != fault::for_ever) --each.left;
        const fault& what = each.what;
        ++struck_[static_cast<std::size_t>(what.kind)];
        if (what.kind == fault_kind::slow) {
            if (what.slowdown > found.slowdown) found.slowdown = what.slowdown;
            return;
        }
        found.strikes = true;
        found.kind = what.kind;
        found.code = what.code;
        found.after_sync = what.after_sync;
        found.first_byte = what.first_byte;
        found.end_byte = what.end_byte;
        found.seed = random_.next();
    }

    [[nodiscard]] static bool matches(const fault& what, const io_event& io) noexcept {
        if (!what.on.has(io.kind) || !targets_of(what.kind).has(io.kind)) return false;
        const bool whole = what.first_byte == 0 && what.end_byte == fault::for_ever;
        const bool touched =
            io.size != 0 && io.offset < what.end_byte && io.offset + io.size > what.first_byte;
        return (whole || touched) && contains(io.path, what.path_part);
    }
    [[nodiscard]] static bool contains(bytes_view text, bytes_view part) noexcept {
        for (std::size_t at = 0; at + part.size() <= text.size(); ++at)
            if (text.part(at, part.size()) == part) return true;
        return false;
    }

    seeded_random random_;
    std::vector<planned> plan_;
    std::uint64_t struck_[fault_kind_count] = {};
};

}  // namespace mantis
