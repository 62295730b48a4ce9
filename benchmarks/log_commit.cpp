// SPDX-License-Identifier: BSL-1.0
//
// Commits of one record each, from writers that have nothing else to do.
//
// The bare loop writes the next 4096 bytes of a file that is preallocated and has been written
// before, and calls fdatasync: what the disk can do, one writer at a time. With more writers it is
// shown with one.
#include "crew.hpp"
#include "log.hpp"

#include <mantis/core/crc32c.hpp>
#include <mantis/platform/posix.hpp>

#include <fcntl.h>
#include <unistd.h>
#include <array>

namespace log_bench {

namespace {

using measure::give_up;
using measure::must;

class mantis_log final : public committer {
public:
    mantis_log(const std::string& directory, promise promised, mantis::log_options options)
        : in_{must(world_.open_directory(directory, mantis::directory_mode::create))},
          log_{world_, in_, {1, 2}, mantis::first_lsn_of_log, 0, options},
          promised_{promised} {}
    ~mantis_log() override { must(log_.close()); }

    void commit(unsigned writer) override {
        const std::array<mantis::pending_record, 1> records{
            {{mantis::record_kind::commit, record_}}};
        const mantis::transaction_id who{(std::uint64_t{writer + 1} << 40) + ++counts_[writer].of};
        const mantis::lsn end = must(log_.append(who, records)).end;
        must(promised_ == promise::durable ? log_.wait_durable(end) : log_.wait_written(end));
    }
    [[nodiscard]] std::uint64_t syncs() const override { return log_.stats().syncs; }

private:
    struct alignas(64) count {
        std::uint64_t of = 0;
    };

    mantis::posix world_;
    mantis::posix::directory in_;
    mantis::log_writer<mantis::posix, mantis::crc32c> log_;
    promise promised_;
    const mantis::bytes record_ = mantis::bytes::zeros(record_bytes);
    std::array<count, most_writers> counts_;
};

class bare_loop final : public committer {
public:
    explicit bare_loop(const std::string& directory) {
        const std::string path = directory + "/raw";
        file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (file_ < 0 || ::posix_fallocate(file_, 0, file_bytes) != 0)
            give_up("cannot make " + path);
        for (off_t at = 0; at < file_bytes; at += block_bytes) write(at);
        if (::fsync(file_) != 0) give_up("cannot sync " + path);
    }
    ~bare_loop() override { ::close(file_); }

    void commit(unsigned) override {
        write(at_);
        if (::fdatasync(file_) != 0) give_up("cannot sync the bare file");
        at_ = (at_ + block_bytes) % file_bytes;
    }

private:
    static constexpr off_t block_bytes = 4096;
    static constexpr off_t file_bytes = 16 * 1024 * 1024;

    void write(off_t at) {
        if (::pwrite(file_, block_.data(), block_.size(), at) != block_bytes)
            give_up("cannot write the bare file");
    }

    int file_ = -1;
    off_t at_ = 0;
    const std::vector<char> block_ = std::vector<char>(block_bytes, 1);
};

// One slice: every commit that began in it, and the time until the last of them ended.
measure::sample commit_for(committer& to, unsigned writers, double seconds) {
    std::atomic<bool> over{false};
    std::atomic<std::uint64_t> commits{0};
    measure::clock_type::time_point begun;
    const std::uint64_t syncs_before = to.syncs();
    measure::together(
        writers, false,
        [&](unsigned writer) {
            std::uint64_t own = 0;
            for (; !over.load(std::memory_order_relaxed); ++own) to.commit(writer);
            commits += own;
        },
        [&] {
            begun = measure::clock_type::now();
            std::this_thread::sleep_for(std::chrono::duration<double>{seconds});
            over = true;
        });
    const double took = measure::seconds_since(begun);
    const auto done = static_cast<double>(commits.load());
    const auto syncs = static_cast<double>(to.syncs() - syncs_before);
    return {done / took, syncs > 0 ? done / syncs : 0};
}

measure::comparison commit_comparison(const measure::settings& chosen, promise promised,
                                      unsigned writers) {
    const bool durable = promised == promise::durable;
    measure::comparison made{
        .name = durable ? "commit-durable" : "commit-buffered",
        .threads = writers,
        .rounds = chosen.either(durable ? 41u : 15u, 3u),
        .metrics = {{"commits_per_s", measure::goal::more}, {"commits_per_sync"}},
    };
    const double seconds = chosen.either(0.15, 0.05);
    for (const contender& each : contenders(promised)) {
        const std::shared_ptr<committer> opened =
            each.open(measure::fresh_directory(each.name), promised);
        const bool bare = each.name == "raw-fdatasync";
        const unsigned count = bare ? 1 : writers;
        (void)commit_for(*opened, count, seconds);  // files are made, caches filled
        made.subjects.push_back({each.name, bare && writers > 1 ? measure::role::shown : each.is,
                                 [=] { return commit_for(*opened, count, seconds); }});
    }
    return made;
}

}  // namespace

std::unique_ptr<committer> open_mantis(const std::string& directory, promise promised,
                                       mantis::log_options options) {
    return std::make_unique<mantis_log>(directory, promised, options);
}

std::vector<contender> contenders(promise promised) {
    const mantis::log_options stock;
    std::vector<contender> all{
        {"mantis", measure::role::ours,
         "this tree, log_writer over posix; segments of " +
             std::to_string(stock.segment_bytes / mantis::MiB) + " MiB",
         [](const std::string& directory, promise what) { return open_mantis(directory, what); }}};
    if (promised == promise::durable)
        all.push_back({"raw-fdatasync", measure::role::peer,
                       "pwrite of 4096 bytes and fdatasync, over 16 MiB that were written before",
                       [](const std::string& directory, promise) {
                           return std::make_unique<bare_loop>(directory);
                       }});
    for (contender& each : peers()) all.push_back(std::move(each));
    return all;
}

std::vector<measure::disk_case> commit_cases(const measure::settings& chosen) {
    std::vector<measure::disk_case> cases;
    for (const unsigned writers : {1u, 8u, most_writers})
        cases.push_back({"commit-durable",
                         [=] { return commit_comparison(chosen, promise::durable, writers); }});
    for (const unsigned writers : {1u, 8u})
        cases.push_back({"commit-buffered",
                         [=] { return commit_comparison(chosen, promise::buffered, writers); }});
    return cases;
}

}  // namespace log_bench
