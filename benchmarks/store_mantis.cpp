// SPDX-License-Identifier: BSL-1.0
//
// The store of mantis, with the indexes that there are.
#include "store.hpp"

#include <mantis/store/paged_btree.hpp>
#include <mantis/store/store.hpp>

namespace store_bench {

namespace {

using measure::must;

template <class App>
class mantis_database final : public database {
public:
    using store = mantis::store<App>;

    mantis_database(const std::string& directory, const mantis::store_options& options)
        : store_{must(store::open(directory, options))}, rows_{must(store_.table("rows"))} {}
    ~mantis_database() override { must(store_.close()); }

    [[nodiscard]] std::unique_ptr<session> connect() override {
        return std::make_unique<connection>(store_, rows_);
    }

private:
    class connection final : public session {
    public:
        connection(store& of, const typename store::table_handle& rows) : store_{of}, rows_{rows} {}

        bool read(std::string_view key, visitor& by) override {
            const auto found = must(store_.get(rows_, key));
            if (!found) return false;
            by.see(key, text(*found));
            return true;
        }
        void put(std::string_view key, std::string_view value) override {
            auto tx = store_.begin();
            tx.put(rows_, key, value);
            (void)must(tx.commit());
        }
        void put_all(std::span<const row> all) override {
            auto tx = store_.begin();
            for (const row& each : all) tx.put(rows_, each.key, each.value);
            (void)must(tx.commit());
        }
        void erase_all(std::span<const std::string_view> keys) override {
            auto tx = store_.begin();
            for (const std::string_view key : keys) tx.erase(rows_, key);
            (void)must(tx.commit());
        }
        // Rows that others change meanwhile may be of several moments, which nobody does in the
        // cases with one thread; a serializable transaction would find that out by its commit.
        std::size_t scan(std::string_view from, std::size_t most, visitor& by) override {
            auto tx = store_.begin(mantis::isolation::read_committed);
            auto cursor = tx.scan(rows_, {from, {}});
            std::size_t seen = 0;
            for (; seen < most && must(cursor.next()); ++seen)
                by.see(text(cursor.key()), text(cursor.value()));
            return seen;
        }
        bool modify(std::string_view key, changer& by) override {
            while (true) {
                auto tx = store_.begin();
                const auto found = must(tx.get(rows_, key));
                if (!found) return false;
                value_.assign(text(*found));
                by.change(value_);
                tx.put(rows_, key, value_);
                const auto done = tx.commit();
                if (done) return true;
                if (done.error().code() != mantis::error_code::conflict)
                    measure::give_up(done.error().message().template as<std::string>());
                ++conflicts_;
            }
        }

    private:
        static std::string_view text(mantis::bytes_view of) {
            return of.template as<std::string_view>();
        }

        store& store_;
        typename store::table_handle rows_;
        std::string value_;
    };

    store store_;
    typename store::table_handle rows_;
};

template <class App>
std::unique_ptr<database> opened(const setup& how, const mantis::store_options& options) {
    return std::make_unique<mantis_database<App>>(how.directory, options);
}
template <class Buffered, class Sync>
std::unique_ptr<database> opened_for(const setup& how, const mantis::store_options& options) {
    return how.promised == promise::buffered ? opened<Buffered>(how, options)
                                             : opened<Sync>(how, options);
}

template <std::size_t PageBytes>
struct pages_buffered : mantis::policies<mantis::with::durability<mantis::buffered>,
                                         mantis::with::indexes<mantis::paged_btree<PageBytes>>> {};
template <std::size_t PageBytes>
struct pages_sync : mantis::policies<mantis::with::durability<mantis::group_commit>,
                                     mantis::with::indexes<mantis::paged_btree<PageBytes>>> {};
struct memory_buffered : mantis::policies<mantis::with::durability<mantis::buffered>> {};
struct memory_sync : mantis::policies<mantis::with::durability<mantis::group_commit>> {};

// Memory as everybody else has it, for pages. Small ones where few are in memory, so that each row
// that is changed costs one.
std::unique_ptr<database> open_in_pages(const setup& how) {
    mantis::store_options options;
    options.page_memory_bytes = how.memory_bytes;
    options.checkpoint_log_bytes = std::max(options.checkpoint_log_bytes, how.memory_bytes / 8);
    if (how.few_in_memory) return opened_for<pages_buffered<2048>, pages_sync<2048>>(how, options);
    return opened_for<pages_buffered<4096>, pages_sync<4096>>(how, options);
}
// An index in memory holds all rows, whatever they take.
std::unique_ptr<database> open_in_memory(const setup& how) {
    return opened_for<memory_buffered, memory_sync>(how, {});
}

}  // namespace

std::vector<contender> mantis_stores() {
    return {
        {"mantis-btree", measure::role::ours,
         "this tree; index paged_btree<>, pages of 4 KiB, of 2 KiB in larger-than-memory, in "
         "the memory that everybody has; durability buffered or group_commit; a "
         "checkpoint each 64 MiB of log, or an eighth of the memory if that is more",
         false, open_in_pages},
        {"mantis-memory", measure::role::ours,
         "this tree; index btree<>, which holds all rows in memory without a limit; durability "
         "buffered or group_commit; a checkpoint each 64 MiB of log",
         true, open_in_memory},
    };
}

}  // namespace store_bench
