// SPDX-License-Identifier: BSL-1.0
//
// What lies in a segment behind its last good record: nothing, what a crash left, or proof that
// something is gone.
//
//   held in memory                     not yet
//   | from ................ window end | ............... end of the file |
//     bytes that fitted no record       first look:  are they zero, and a fingerprint
//     second look: read again, compared              read again, the fingerprint compared
//
// Invariants:
//   1. a tail that is not all zero is judged only from bytes that two reads gave alike
//   2. memory is used for a window and one record, however long the tail is
//
// Threads: one at a time.
#pragma once

#include "record_shape.hpp"
#include "segment_window.hpp"

#include "../segment.hpp"

#include <optional>

namespace mantis::detail {

[[nodiscard]] inline bool all_zero(bytes_view some) noexcept {
    // Eight at a time: whole reserves are looked at.
    std::size_t at = 0;
    for (; at + 8 <= some.size(); at += 8)
        if (load_le<std::uint64_t>(some.data() + at) != 0) return false;
    for (; at < some.size(); ++at)
        if (some[at] != std::byte{0}) return false;
    return true;
}

// How many bytes there are up to the last one that is not zero.
[[nodiscard]] inline std::size_t used_bytes(bytes_view some) noexcept {
    std::size_t used = some.size();
    while (used > 0 && some[used - 1] == std::byte{0}) --used;
    return used;
}

struct tail_verdict {
    bool reads_alike = true;    // or the tail was exchanged between two reads, and is to be read
                                // anew
    std::optional<lsn> synced;  // a record in it says that the log was synced beyond its end
};

template <platform Platform, checksum_policy Checksum>
class segment_tail {
public:
    using window = segment_window<Platform>;

    //   Effects     looks at what lies behind `from`, the end of the last good record: what is held
    //               as it was read, the rest as it is now
    //   Requires    the window outlives the object, and nothing of it is read or forgotten
    //   Errors      io
    static result<segment_tail> look_at(typename Platform::directory& in, const window& seen,
                                        std::uint64_t from, std::size_t window_bytes) {
        auto again = window::open(in, seen.name(), window_bytes);
        if (!again) return again.error();
        if (again->size() != seen.size())
            return error{error_code::io, "reading the log: each time it reads differently"}
                .about(seen.name())
                .with("bytes", again->size())
                .with("bytes_before", seen.size());
        segment_tail made{*std::move(again), seen.held(from), from};
        auto first = made.glance_at_rest();
        if (!first) return first.error();
        made.first_ = *first;
        return made;
    }

    // Offset behind the last byte that is not zero.
    [[nodiscard]] std::uint64_t used_end() const noexcept {
        return first_.used_end > rest_ ? first_.used_end : from_ + used_bytes(held_);
    }

    //   Effects     reads all of it a second time
    //   Requires    the segment begins at `first`, the log has no good record behind `log_end`;
    //               without `salt`, as where the header is gone, records say theirs themselves
    //   Errors      io
    result<tail_verdict> judge(lsn first, const std::uint32_t* salt, lsn log_end) {
        tail_verdict found;
        again_.forget(0);
        const proof_wanted wanted{first, salt, log_end, &found};
        auto alike = reads_again(wanted);
        if (!alike) return alike.error();
        auto second = glance_at_rest(&wanted);
        if (!second) return second.error();
        found.reads_alike = *alike && second->fingerprint == first_.fingerprint;
        return found;
    }

private:
    static constexpr std::size_t piece_bytes = 16 * log_block_bytes;

    struct glance {
        std::uint64_t fingerprint = 0;
        std::uint64_t used_end = 0;
    };
    struct proof_wanted {
        lsn first;  // of the segment
        const std::uint32_t* salt;
        lsn log_end;
        tail_verdict* into;
    };

    segment_tail(window again, bytes_view held, std::uint64_t from) noexcept
        : again_{std::move(again)}, held_{held}, from_{from}, rest_{from + held.size()} {}

    // Of what is not held, in pieces that are the same each time.
    result<glance> glance_at_rest(const proof_wanted* wanted = nullptr) {
        glance found{0, rest_};
        for (std::uint64_t at = rest_; at < again_.size();) {
            again_.keep_from(at);
            auto read = again_.read(at, piece_bytes);
            if (!read) return read.error();
            const bytes_view piece =
                read->first(read->size() < piece_bytes ? read->size() : piece_bytes);
            found.fingerprint = xxh3::of(piece, found.fingerprint);
            if (!all_zero(piece)) found.used_end = at + used_bytes(piece);
            const std::uint64_t end = at + piece.size();
            if (wanted != nullptr)
                if (auto done = seek_proof(at, end, *wanted); !done) return done.error();
            at = end;
        }
        return found;
    }

    //   Returns     whether what is held reads the same again
    result<bool> reads_again(const proof_wanted& wanted) {
        for (std::uint64_t at = from_; at < rest_;) {
            again_.keep_from(at);
            const auto skip = static_cast<std::size_t>(at - from_);
            const std::size_t left = held_.size() - skip;
            const std::size_t count = left < piece_bytes ? left : piece_bytes;
            auto read = again_.read(at, count);
            if (!read) return read.error();
            if (read->first(count) != held_.part(skip, count)) return false;
            if (auto done = seek_proof(at, at + count, wanted); !done) return done.error();
            at += count;
        }
        return true;
    }

    // Looks for records that begin anywhere from `begin` to `end`, all of it in memory: what says
    // how far the log was synced need not begin a block.
    result<void> seek_proof(std::uint64_t begin, std::uint64_t end, const proof_wanted& wanted) {
        for (std::uint64_t at = round_up(begin, log_record_alignment);
             at < end && !wanted.into->synced; at += log_record_alignment) {
            const bytes_view here = again_.held(at);
            const std::uint64_t lsn_here = wanted.first.value + at - segment_header_bytes;
            if (here.size() >= 16 && load_le<std::uint64_t>(here.data() + 8) != lsn_here) continue;
            auto synced = proof_at(at, wanted);
            if (!synced) return synced.error();
            wanted.into->synced = *synced;
        }
        return success();
    }

    //   Returns     how far the log was synced, if a record is here and that is beyond the end
    result<std::optional<lsn>> proof_at(std::uint64_t at, const proof_wanted& wanted) {
        constexpr std::optional<lsn> none;
        const lsn here{wanted.first.value + at - segment_header_bytes};
        auto read = again_.read(at, sizeof(log_record_header));
        if (!read) return read.error();
        if (read->size() < sizeof(log_record_header)) return none;
        const log_record_header header = decode_record_header(*read);
        const lsn synced{header.durable};
        const std::uint32_t salt = wanted.salt != nullptr ? *wanted.salt : header.salt;
        if (synced <= wanted.log_end || !may_be_record(header, here, salt, again_.size() - at))
            return none;
        auto whole = again_.read(at, record_bytes(header.payload_bytes));
        if (!whole) return whole.error();
        const bool valid = examine_record<Checksum>(*whole, here, salt) == record_verdict::valid;
        return valid ? std::optional<lsn>{synced} : none;
    }

    window again_;
    bytes_view held_;
    std::uint64_t from_;
    std::uint64_t rest_;  // where what is held ends
    glance first_;
};

}  // namespace mantis::detail
