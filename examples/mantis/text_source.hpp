// SPDX-License-Identifier: BSL-1.0
//
// The bytes of a file or of standard input, inflated where they are gzip (told by their first two
// bytes, not by the name).
//
// Reads and inflates in pieces: memory does not grow with the file. A gzip file may have several
// members, as `cat a.gz b.gz` makes; one that ends too early is an error, not a short file. Zeros
// after a member are passed over, for tapes and archives fill their blocks with them.
//
// Threads: one at a time; stop(), bytes_taken() and bytes_total() from any.
#pragma once

#include <mantis/core/result.hpp>

#include <zlib.h>
#include <atomic>
#include <memory>
#include <string>

namespace tool {

class text_source {
public:
    static constexpr std::size_t piece_bytes = 256 * 1024;

    // "-" is standard input.
    //   Errors      not_found, io
    static mantis::result<std::unique_ptr<text_source>> open(const std::string& path);
    text_source(const text_source&) = delete;
    text_source& operator=(const text_source&) = delete;
    ~text_source();

    //   Returns     the next piece, valid until the next call; an empty one at the end
    //   Errors      io, invalid_argument (not gzip after all, or cut off), interrupted
    mantis::result<mantis::bytes_view> next();
    //   Effects     next() waits no longer: now and from now on it answers interrupted where it
    //               would have to read
    void stop() noexcept;

    // For messages: the path, or "standard input".
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    // Of the file as it is, compressed or not.
    [[nodiscard]] std::uint64_t bytes_taken() const noexcept { return bytes_taken_.load(); }
    //   Returns     0 where it cannot be told
    [[nodiscard]] std::uint64_t bytes_total() const noexcept { return bytes_total_; }

private:
    text_source(int descriptor, int stopped, std::string name)
        : descriptor_{descriptor}, stopped_{stopped}, name_{std::move(name)} {}
    mantis::result<std::size_t> read_more();
    mantis::result<mantis::bytes_view> inflate_more();
    mantis::error bad_gzip(const char* sentence) const;

    int descriptor_;
    int stopped_;  // an eventfd, readable once stop() was called
    std::string name_;
    std::uint64_t bytes_total_ = 0;
    std::atomic<std::uint64_t> bytes_taken_{0};
    mantis::bytes raw_ = mantis::bytes::zeros(piece_bytes);
    mantis::bytes_view unread_;  // of raw_
    bool begun_ = false;
    bool inflating_ = false;
    bool inside_member_ = false;
    z_stream zlib_ = {};
    mantis::bytes inflated_;
};

}  // namespace tool
