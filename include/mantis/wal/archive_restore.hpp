// SPDX-License-Identifier: BSL-1.0
//
// Brings segments back from an archive into the directory of a log, so that everything that reads
// logs reads them: recovery to an earlier point in time, a replica that was too far behind.
//
//   archive   | a | b | c | d |
//   log                   | d | e |        c, b, a are brought back, in this order
//
// A log with nothing missing between it and what comes back has no hole at any moment, so a crash
// in the middle leaves a log that begins later than it was to, and restoring again goes on.
//
// Threads: one at a time, and no keeper removes segments of that directory meanwhile.
#pragma once

#include "archive.hpp"

#include "../platform/platform.hpp"

namespace mantis {

template <class A, class File>
concept readable_archive = requires(A& from, lsn first, File& to) {
    { from.segments() } -> std::same_as<result<std::vector<lsn>>>;
    { from.fetch(first, to) } -> std::same_as<result<void>>;
};

namespace detail {

template <platform Platform, checksum_policy Checksum, class Archive>
class archive_restore {
public:
    using directory = typename Platform::directory;

    archive_restore(Archive& from, directory& to, database_id database) noexcept
        : from_{&from}, to_{&to}, database_{database} {}

    result<std::uint64_t> run(lsn begin) {
        auto archived = from_->segments();
        if (!archived) return archived.error();
        auto live = list_segments(*to_);
        if (!live) return live.error();
        lsn front = live->empty() ? lsn{~std::uint64_t{0}} : live->front();
        std::uint64_t restored = 0;
        for (std::size_t at = archived->size(); at-- > 0 && front > begin;) {
            const lsn first = (*archived)[at];
            if (first >= front) continue;
            if (auto back = bring_back(first, front); !back) return back.error();
            front = first;
            ++restored;
        }
        if (front <= begin) return restored;
        return error{error_code::not_found,
                     "restoring the log: the archive begins behind what was asked for"}
            .with("lsn", begin.value)
            .with("first_lsn", front.value);
    }

private:
    //   Effects     the segment is there, and continued by the one at `next`, if there is one
    result<void> bring_back(lsn first, lsn next) {
        const bytes name = segment_name(first);
        const bytes temporary = temporary_name(name);
        auto fetched = fetch(first, temporary);
        if (fetched) fetched = fits(first, next, temporary);
        if (!fetched) {
            (void)to_->remove(temporary);  // the first error is the one to tell
            return fetched.error().about(name).within("restoring the log");
        }
        if (auto renamed = to_->rename(temporary, name); !renamed) return renamed;
        return to_->sync();
    }

    result<void> fetch(lsn first, bytes_view into) {
        auto file = to_->open(into, file_mode::create);
        if (!file) return file.error();
        if (auto emptied = file->resize(0); !emptied) return emptied;
        if (auto fetched = from_->fetch(first, *file); !fetched) return fetched;
        return file->sync();
    }

    result<void> fits(lsn first, lsn next, bytes_view fetched) {
        auto extent = measure_segment<Platform, Checksum>(
            *to_, {.name = fetched, .first = first, .database = database_});
        if (!extent) return extent.error();
        if (next.value == ~std::uint64_t{0}) return success();
        const lsn behind{round_up(extent->end.value, log_block_bytes)};
        if (behind != next)
            return error{error_code::corrupt, "a segment is missing or does not reach the next"}
                .with("lsn", behind.value)
                .with("next_segment_lsn", next.value);
        const bytes next_name = segment_name(next);
        auto window = segment_window<Platform>::open(*to_, next_name, segment_header_bytes);
        if (!window) return window.error();
        auto raw = window->read(0, segment_header_bytes);
        if (!raw) return raw.error();
        log_finding found = log_finding::sound;
        auto header = read_place<Checksum>(*raw,
                                           {.name = next_name,
                                            .first = next,
                                            .database = database_,
                                            .follows = true,
                                            .expected = next,
                                            .previous_checksum = extent->previous_checksum},
                                           found);
        return header ? success() : result<void>{header.error()};
    }

    Archive* from_;
    directory* to_;
    database_id database_;
};

}  // namespace detail

//   Requires    `to` is a log's directory, or empty
//   Effects     the log in `to` begins at or before `begin`; each segment was verified record by
//               record before it got its name
//   Returns     how many segments came back
//   Errors      not_found (the archive begins later), corrupt (one is missing or damaged: those
//               behind it are back), mismatch (of another database), no_space, io
template <platform Platform, checksum_policy Checksum,
          readable_archive<typename Platform::file> Archive>
[[nodiscard]] result<std::uint64_t> restore_segments(Archive& from,
                                                     typename Platform::directory& to,
                                                     database_id database,
                                                     lsn begin = first_lsn_of_log) {
    return detail::archive_restore<Platform, Checksum, Archive>{from, to, database}.run(begin);
}

}  // namespace mantis
