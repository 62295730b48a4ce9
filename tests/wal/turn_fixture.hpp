// SPDX-License-Identifier: BSL-1.0
//
// Two segments as a turn without a sync leaves them, byte by byte.
#pragma once

#include "log_fixture.hpp"

namespace log_test {

inline constexpr std::uint32_t salt = 77;

// Two segments as a writer leaves them, byte by byte: three records in the first one, two in the
// last one. Each record takes a block of its own, so that any may be missing.
struct two_segments {
    two_segments() { build(); }

    void build() {
        position = first_lsn_of_log.value;
        chain = 0;
        begin_segment(segment_version, first_lsn_of_log, {});
        put(1, 0);
        put(2, durable_of_records);
        put(3, durable_of_records);
        put_segment();
        begin_segment(last_version, durable_of_header, before);
        put(4, durable_of_records);
        put(5, durable_of_last);
        put_segment();
    }
    void begin_segment(std::uint32_t version, lsn durable, lsn segment_before) {
        segment_header header;
        header.version = version;
        header.durable = durable;
        header.before = segment_before;
        header.checksum_format = crc32c::format_id;
        header.database = ours;
        header.first = {position};
        header.salt = salt;
        header.previous_checksum = chain;
        name = segment_name(header.first);
        raw = encode_segment_header(header);
    }
    void put(std::uint64_t number, std::uint64_t durable) {
        bytes block = bytes::zeros(log_block_bytes);
        log_record_header header;
        header.kind = static_cast<std::uint8_t>(record_kind::commit);
        header.lsn = position;
        header.transaction = number;
        header.salt = salt;
        const std::string payload(payload_bytes, 'p');
        const std::uint64_t size = record_bytes(payload_bytes);
        write_unsealed_record(block.data(), header, payload);
        chain = seal_records<crc32c>(block.data(), size, {durable}, chain).chain;
        raw.append(block);
        ends[number] = position + size;
        position += log_block_bytes;
    }
    void put_segment() {
        raw.append(bytes::zeros(2 * log_block_bytes));  // the reserve
        log.directory.open(name, file_mode::create).value().write(0, raw).value();
        position = round_up(position, log_block_bytes);
    }

    // As a write that did not reach the disk.
    void lose(std::uint64_t number) {
        const bool first = number <= 3;
        log.overwrite(segment_name(first ? first_lsn_of_log : last()),
                      log_block_bytes * (first ? number : number - 3),
                      bytes::zeros(log_block_bytes));
    }
    static lsn last() { return {first_lsn_of_log.value + 3 * log_block_bytes}; }

    log_fixture log;
    std::size_t payload_bytes = 1000;
    std::uint32_t last_version = segment_version;
    std::uint64_t durable_of_records = 0;
    lsn durable_of_header = first_lsn_of_log;
    lsn before = first_lsn_of_log;
    std::uint64_t durable_of_last = 0;
    std::uint64_t position = 0;
    std::uint32_t chain = 0;
    bytes name;
    bytes raw;
    std::uint64_t ends[6] = {};
};

}  // namespace log_test
