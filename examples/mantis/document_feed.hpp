// SPDX-License-Identifier: BSL-1.0
//
// Documents out of a text, made by a thread of its own so that reading, inflating and parsing go on
// while commits wait for the disk.
//
//   document_feed feed{source, change};
//   while (auto chunk = feed.next())
//       for (const fed_document& each : chunk->documents) insert(chunk->view(each));
//   if (auto failed = feed.failure()) ...
//
// At most `ahead_bytes` of documents wait; then the thread waits.
//
// States: reading -> ended (the text is over, or is not JSON: failure() says which), or stopped by
// the destructor.
//
// Threads: one caller beside the feed's own.
#pragma once

#include "document_change.hpp"
#include "text_source.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

namespace tool {

struct fed_document {
    std::size_t offset = 0;  // in the chunk
    std::size_t size = 0;
    std::uint64_t line = 0;  // where it begins in the text
};

struct document_chunk {
    mantis::bytes raw;
    std::vector<fed_document> documents;
    std::uint64_t text_bytes = 0;  // of JSON, up to the end of this chunk

    [[nodiscard]] mantis::bson_view view(const fed_document& which) const noexcept {
        return mantis::bson_view{raw.view().part(which.offset, which.size)};
    }
};

// Where and why an import stopped.
struct import_failure {
    mantis::error why;
    std::uint64_t line = 0;    // of the text; 0: the trouble is not in it
    std::uint64_t column = 0;  // 0: the whole document
};

class document_feed {
public:
    static constexpr std::size_t ahead_bytes = 8 * 1024 * 1024;

    //   Requires    both outlive the feed
    document_feed(text_source& source, document_change& change);
    document_feed(const document_feed&) = delete;
    document_feed& operator=(const document_feed&) = delete;
    //   Effects     stops the source, which gives nothing more
    ~document_feed();

    //   Returns     the next documents, in their order, or nothing when there are no more; waits
    //               for them
    [[nodiscard]] std::optional<document_chunk> next();
    // What ended the text too early, if something did.
    //   Requires    next() returned nothing
    [[nodiscard]] const std::optional<import_failure>& failure() const noexcept { return failure_; }
    //   Requires    next() returned nothing
    [[nodiscard]] std::uint64_t text_bytes() const noexcept { return text_bytes_; }

private:
    void read();
    mantis::result<void> add(document_chunk& to, mantis::bson_view document, std::uint64_t line);
    bool hand_over(document_chunk chunk);
    void end(std::optional<import_failure> failure, std::uint64_t text_bytes);

    text_source& source_;
    document_change& change_;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<document_chunk> waiting_;
    std::size_t waiting_bytes_ = 0;
    bool ended_ = false;
    bool stopped_ = false;
    std::optional<import_failure> failure_;
    std::uint64_t text_bytes_ = 0;

    std::thread thread_;  // last: it uses all the others
};

}  // namespace tool
