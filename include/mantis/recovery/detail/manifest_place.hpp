// SPDX-License-Identifier: BSL-1.0
//
// Where in a manifest somebody is who reads or writes it frame by frame, and what the next frame
// has to be there.
//
// Threads: like an int.
#pragma once

#include "../manifest_format.hpp"

namespace mantis::detail {

class manifest_place {
public:
    manifest_place() noexcept = default;
    //   Effects     in front of the snapshot
    explicit manifest_place(const manifest_header& header) noexcept
        : offset_{manifest_header_bytes}, chain_{header.header_checksum}, salt_{header.salt} {}

    [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }
    // Of the frame before, or of the header.
    [[nodiscard]] std::uint64_t chain() const noexcept { return chain_; }
    [[nodiscard]] std::uint64_t salt() const noexcept { return salt_; }
    // Of the last whole group; 0: there is none.
    [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }
    // Of the next frame in its group.
    [[nodiscard]] std::uint32_t number() const noexcept { return number_; }

    //   Requires    the frame lies here, and has the salt
    [[nodiscard]] bool fits(const manifest_frame& frame) const noexcept {
        if (frame.previous_checksum != chain_ || frame.number != number_) return false;
        if (number_ != 0)
            return frame.attempt == group_.attempt && frame.sequence == group_.sequence &&
                   frame.epoch == group_.epoch && frame.checkpoint == group_.checkpoint &&
                   frame.snapshot == group_.snapshot;
        if (sequence_ == 0) return frame.snapshot && frame.sequence != 0;
        return !frame.snapshot && frame.sequence == sequence_ + 1;
    }
    //   Requires    fits(frame)
    void pass(const manifest_frame& frame) noexcept {
        offset_ = frame.end();
        chain_ = frame.checksum;
        number_ = frame.last ? 0 : number_ + 1;
        if (frame.last) sequence_ = frame.sequence;
        group_ = frame;
        group_.payload = {};
    }

private:
    std::uint64_t offset_ = 0;
    std::uint64_t chain_ = 0;
    std::uint64_t salt_ = 0;
    std::uint64_t sequence_ = 0;
    std::uint32_t number_ = 0;
    manifest_frame group_;  // the frame before this place
};

}  // namespace mantis::detail
