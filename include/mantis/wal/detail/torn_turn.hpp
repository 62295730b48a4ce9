// SPDX-License-Identifier: BSL-1.0
//
// Whether the last two segments of a log look as a crash may have left them that came before the
// end of the first of them was durable: the second one begins before that.
//
//   segment before   | good records | torn, or never written ............ |
//   last segment                                                          | header? | records? |
//                                   ^ log_end
//
// It is a torn tail unless something proves that more was durable:
//   - a record behind log_end, in either segment, that says so
//   - the header of the last segment, that says so, or that is damaged: it lies in one sector, so a
//     crash leaves it whole or leaves zeros
//   - the header says that all before the segment was durable: after a sync the log goes on at the
//     next block, so it need not name the very end
//   - the header does not name the first one as the one before: that one is missing, or there was
//     no turn without a sync
//
// Threads: any number; no state.
#pragma once

#include "segment_tail.hpp"

namespace mantis::detail {

struct torn_turn {
    bool torn = false;
    std::optional<lsn> synced;    // or this was durable, as far as it is told
    std::uint64_t cut_bytes = 0;  // if torn, of both
};

template <platform Platform, checksum_policy Checksum>
class torn_turn_test {
public:
    using directory = typename Platform::directory;

    //   Requires    the two segments are the last; the first one's header is `before`
    torn_turn_test(directory& in, std::size_t window_bytes, const segment_header& before,
                   lsn log_end) noexcept
        : directory_{&in}, window_bytes_{window_bytes}, before_{&before}, log_end_{log_end} {}

    //   Errors      io, also where two reads differ
    result<torn_turn> run(lsn last) {
        torn_turn found;
        const std::uint64_t end_offset =
            segment_header_bytes + log_end_.value - before_->first.value;
        auto proven = proof_in(before_->first, end_offset, &before_->salt, found);
        if (!proven || *proven) return refused(proven, found);
        auto header = header_of(last);
        if (!header) return header.error();
        // With a header, something of the segment before has to be missing.
        if (!header->fits || log_end_ > last || (log_end_ == last && header->value)) return found;
        if (header->value && proves_more(*header->value)) {
            found.synced = header->value->durable;
            return found;
        }
        proven = proof_in(last, segment_header_bytes,
                          header->value ? &header->value->salt : nullptr, found);
        if (!proven || *proven) return refused(proven, found);
        found.torn = true;
        return found;
    }

private:
    using window = segment_window<Platform>;
    using tail = segment_tail<Platform, Checksum>;

    struct last_header {
        bool fits = false;
        std::optional<segment_header> value;  // none: it was never written
    };

    static result<torn_turn> refused(const result<bool>& proven, const torn_turn& found) {
        if (!proven) return proven.error();
        return found;
    }

    //   Effects     counts what is not zero behind `from`
    //   Returns     whether a record there proves that more was durable
    result<bool> proof_in(lsn first, std::uint64_t from, const std::uint32_t* salt,
                          torn_turn& found) {
        const bytes name = segment_name(first);
        auto file = window::open(*directory_, name, window_bytes_);
        if (!file) return file.error();
        if (file->size() <= from) return false;
        auto rest = tail::look_at(*directory_, *file, from, window_bytes_);
        if (!rest) return rest.error();
        auto verdict = rest->judge(first, salt, log_end_);
        if (!verdict) return verdict.error();
        if (!verdict->reads_alike)
            return error{error_code::io, "reading the log: each time it reads differently"}
                .about(name)
                .with("offset", from);
        found.synced = verdict->synced;
        found.cut_bytes += rest->used_end() - from;
        return found.synced.has_value();
    }

    // Read twice: what was read wrong once proves nothing.
    result<last_header> header_of(lsn last) {
        last_header found;
        auto file = window::open(*directory_, segment_name(last), segment_header_bytes);
        if (!file) return file.error();
        for (int reads = 0; reads < 2; ++reads) {
            file->forget(0);
            auto raw = file->read(0, segment_header_bytes);
            if (!raw) return raw.error();
            auto header = decode_segment_header(*raw);
            found.fits = header ? fits(*header, last) : all_zero(*raw);
            found.value.reset();
            if (header) found.value = *header;
            if (found.fits) return found;
        }
        return found;
    }
    [[nodiscard]] bool proves_more(const segment_header& header) const noexcept {
        return header.durable > log_end_ ||
               round_up(header.durable.value, log_block_bytes) >= header.first.value;
    }
    [[nodiscard]] bool fits(const segment_header& header, lsn last) const noexcept {
        return header.first == last && header.database == before_->database &&
               header.checksum_format == before_->checksum_format &&
               header.before == before_->first;
    }

    directory* directory_;
    std::size_t window_bytes_;
    const segment_header* before_;
    lsn log_end_;
};

}  // namespace mantis::detail
