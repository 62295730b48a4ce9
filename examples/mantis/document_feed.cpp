// SPDX-License-Identifier: BSL-1.0
#include "document_feed.hpp"

#include "exit_code.hpp"

#include <mantis/document/json.hpp>

namespace tool {

using mantis::bson_view;
using mantis::bytes_view;
using mantis::result;

namespace {

import_failure described(const mantis::error& failed, std::uint64_t document_line) {
    const std::uint64_t line = number_of(failed, "line");
    return {failed, line != 0 ? line : document_line, number_of(failed, "column")};
}

}  // namespace

document_feed::document_feed(text_source& source, document_change& change)
    : source_{source}, change_{change}, thread_{[this] { read(); }} {}

document_feed::~document_feed() {
    {
        const std::lock_guard<std::mutex> hold{mutex_};
        stopped_ = true;
    }
    changed_.notify_all();
    source_.stop();  // it may wait for a producer that says nothing more
    thread_.join();
}

std::optional<document_chunk> document_feed::next() {
    std::unique_lock<std::mutex> hold{mutex_};
    changed_.wait(hold, [this] { return ended_ || !waiting_.empty(); });
    if (waiting_.empty()) return std::nullopt;
    document_chunk chunk = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= chunk.raw.size();
    changed_.notify_all();
    return chunk;
}

void document_feed::read() {
    mantis::json_reader reader;
    std::uint64_t text_bytes = 0;
    while (true) {
        auto piece = source_.next();
        if (!piece) return end(import_failure{piece.error()}, text_bytes);
        if (piece->empty()) break;
        text_bytes += piece->size();
        document_chunk chunk;
        chunk.text_bytes = text_bytes;
        std::uint64_t document_line = 0;  // of the document that was refused
        auto fed = reader.feed(*piece, [&](bson_view document, std::uint64_t line) {
            auto added = add(chunk, document, line);
            if (!added) document_line = line;
            return added;
        });
        if (!hand_over(std::move(chunk))) return;
        if (!fed) return end(described(fed.error(), document_line), text_bytes);
    }
    auto finished = reader.finish();
    if (!finished) return end(described(finished.error(), 0), text_bytes);
    end(std::nullopt, text_bytes);
}

result<void> document_feed::add(document_chunk& to, bson_view document, std::uint64_t line) {
    const std::size_t offset = to.raw.size();
    if (change_.any()) {
        auto changed = change_.apply(document);
        if (!changed) return changed.error();
        to.raw.append(*changed);
    } else {
        to.raw.append(document.document());
    }
    to.documents.push_back({offset, to.raw.size() - offset, line});
    return mantis::success();
}

//   Returns     false when nobody wants more
bool document_feed::hand_over(document_chunk chunk) {
    std::unique_lock<std::mutex> hold{mutex_};
    changed_.wait(hold, [this] { return stopped_ || waiting_bytes_ < ahead_bytes; });
    if (stopped_) return false;
    if (chunk.documents.empty()) return true;
    waiting_bytes_ += chunk.raw.size();
    waiting_.push_back(std::move(chunk));
    changed_.notify_all();
    return true;
}

void document_feed::end(std::optional<import_failure> failure, std::uint64_t text_bytes) {
    const std::lock_guard<std::mutex> hold{mutex_};
    failure_ = std::move(failure);
    text_bytes_ = text_bytes;
    ended_ = true;
    changed_.notify_all();
}

}  // namespace tool
