// SPDX-License-Identifier: BSL-1.0
//
// Fills the tables of a store from the image of its last checkpoint.
//
// load() takes an image that is whole, or none of it. load_intact() takes what is whole of a
// damaged one, table by table: a table of which a row may be missing is there and answers the
// damage.
//
// Threads: one; nobody else uses the tables.
#pragma once

#include "../recovery/image_reader.hpp"
#include "../recovery/plan.hpp"

namespace mantis {

struct loaded_image {
    image_header header;
    image_footer footer;  // of a damaged image that has lost it, empty
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    std::uint64_t damaged_tables = 0;
};

template <platform Platform, checksum_policy Checksum, class Tables>
class image_loader {
public:
    using directory = typename Platform::directory;
    using reader_type = image_reader<Platform, Checksum>;

    //   Requires    `in` and `tables` outlive it
    image_loader(directory& in, database_id database, lsn redo_from, Tables& tables,
                 recovery_listener listener, void* listener_context)
        : directory_{&in},
          database_{database},
          name_{image_name(redo_from)},
          tables_{&tables},
          listener_{listener},
          listener_context_{listener_context} {}

    //   Requires    the tables are empty
    //   Errors      corrupt (file, offset, table), not_found (the file), mismatch (an index that
    //               this build lacks), io: the tables are empty; those of an index (`target`):
    //               likewise, and the image may be sound
    [[nodiscard]] result<loaded_image> load() {
        auto reader = reader_type::open(*directory_, name_, database_);
        if (!reader) return reader.error();
        auto loaded = load_whole(*reader);
        if (!loaded) tables_->clear();
        return loaded;
    }

    //   Requires    the tables are empty
    //   Effects     tables that may have lost rows are damaged()
    //   Errors      as load(), where not even the names of the tables can be read
    [[nodiscard]] result<loaded_image> load_intact(const error& why) {
        std::vector<bool> damaged;
        std::vector<image_gap> gaps;
        auto seen = look_over(damaged, gaps);
        if (!seen) return seen.error();
        loaded_image loaded = *std::move(seen);
        if (auto made = make_tables(loaded.footer.tables); !made) return emptied(made.error());
        for (std::size_t at = 0; at < damaged.size(); ++at)
            if (damaged[at]) {
                auto* const table = tables_->find(table_id{at + 1});
                if (table->dropped() || table->is_stored()) continue;
                table->damaged(error{why}.within(table_damaged).with("damaged_table", at + 1));
                ++loaded.damaged_tables;
            }
        auto reader = reader_type::open(*directory_, name_, database_);
        if (!reader) return emptied(reader.error());
        image_block block;
        while (true) {
            auto more = reader->next(block);
            if (!more) return emptied(more.error());
            if (!*more) break;
            if (block.kind != image_block_kind::rows) continue;
            const std::uint64_t place = block.table.value - 1;  // of table 0: behind all of them
            if (place < damaged.size() && damaged[static_cast<std::size_t>(place)]) continue;
            if (auto taken = take_rows(block, loaded); !taken) return emptied(taken.error());
        }
        if (same_gaps(reader->gaps(), gaps)) return loaded;
        return emptied(
            error{error_code::corrupt, "loading a checkpoint's image: it reads otherwise each time"}
                .about(name_));
    }

private:
    // Tables of which rows may have been in a gap.
    struct suspicion {
        image_gap gap;
        std::uint64_t from;
        std::uint64_t to;
    };

    static constexpr const char* table_damaged = "using a table of which the image is damaged";
    static constexpr const char* row_not_taken = "loading a row of a checkpoint's image";
    static constexpr std::uint64_t blocks_per_report = 16;

    error emptied(error why) {
        tables_->clear();
        return why;
    }

    result<loaded_image> load_whole(reader_type& reader) {
        loaded_image loaded;
        loaded.header = reader.header();
        image_block block;
        std::uint64_t blocks = 0;
        tell(0, reader);
        while (true) {
            auto more = reader.next(block);
            if (!more) return more.error();
            if (!reader.gaps().empty() || !*more) break;
            if (++blocks % blocks_per_report == 0) tell(blocks, reader);
            if (auto taken = take(block, blocks == 1, loaded); !taken) return taken.error();
        }
        if (auto damage = reader.damage()) return *damage;
        loaded.footer = *reader.footer();
        loaded.bytes = reader.size();
        tell(blocks, reader);
        return loaded;
    }
    void tell(std::uint64_t blocks, const reader_type& reader) const {
        if (listener_ != nullptr)
            listener_(listener_context_,
                      {blocks, reader.bytes_read(), reader.size(), recovery_phase::load});
    }

    result<void> take(const image_block& block, bool first, loaded_image& loaded) {
        if (first != (block.kind == image_block_kind::tables)) return malformed(block);
        if (block.kind == image_block_kind::rows) return take_rows(block, loaded);
        if (block.kind == image_block_kind::footer) return success();
        std::vector<image_table> list;
        byte_reader from{block.payload};
        if (!read_image_tables(from, loaded.header.tables, list)) return malformed(block);
        return make_tables(list);
    }
    result<void> make_tables(const std::vector<image_table>& list) {
        for (const image_table& each : list) {
            if (each.dropped) {
                tables_->add_dropped({});
                continue;
            }
            if (auto made = tables_->add(each.id, each.name, each.index, {}); !made)
                return made.error();
        }
        return success();
    }
    result<void> take_rows(const image_block& block, loaded_image& loaded) {
        auto* const into = tables_->find(block.table);
        if (into == nullptr || into->dropped() || into->is_stored()) return malformed(block);
        byte_reader from{block.payload};
        image_row row;
        for (std::uint32_t left = block.count; left > 0; --left) {
            if (!read_image_row(from, row)) return malformed(block);
            if (auto taken = into->redo_put(row.key, row.value, row.version); !taken)
                return std::move(taken.error()).within(row_not_taken).with("target", 1);
        }
        if (!from.empty()) return malformed(block);
        loaded.rows += block.count;
        return success();
    }
    error malformed(const image_block& block) const {
        return error{error_code::corrupt,
                     "loading a checkpoint's image: the checksum of a block fits, its contents do "
                     "not"}
            .about(name_)
            .with("offset", block.offset)
            .with("table", block.table.value);
    }

    //   Returns     all but the rows, and for each table whether rows of it may be missing
    result<loaded_image> look_over(std::vector<bool>& damaged, std::vector<image_gap>& gaps) {
        auto reader = reader_type::open(*directory_, name_, database_);
        if (!reader) return reader.error();
        loaded_image found;
        found.header = reader->header();
        damaged.assign(static_cast<std::size_t>(found.header.tables), false);
        std::uint64_t before = 1;  // the table of the last rows that were read
        std::vector<suspicion> suspicions;
        image_block block;
        while (true) {
            auto more = reader->next(block);
            if (!more) return more.error();
            const bool rows = *more && block.kind == image_block_kind::rows;
            const std::uint64_t here = rows ? block.table.value : damaged.size();
            if (rows && (here - 1 >= damaged.size() || here < before)) return malformed(block);
            if (reader->gaps().size() > suspicions.size())
                suspicions.push_back({reader->gaps().back(), before, here});
            if (!*more) break;
            if (rows) before = here;
            byte_reader from{block.payload};
            if (block.kind == image_block_kind::tables &&
                !read_image_tables(from, found.header.tables, found.footer.tables))
                return malformed(block);
        }
        gaps = reader->gaps();
        if (reader->footer()) found.footer = *reader->footer();
        else mark(damaged, before, damaged.size());
        for (const suspicion& each : suspicions)
            if (!only_the_list(each.gap, found)) mark(damaged, each.from, each.to);
        found.bytes = reader->size();
        if (found.footer.tables.size() == damaged.size()) return found;
        return error{error_code::corrupt,
                     "loading a checkpoint's image: the names of its tables "
                     "are lost"}
            .about(name_);
    }
    static bool same_gaps(const std::vector<image_gap>& a, const std::vector<image_gap>& b) {
        if (a.size() != b.size()) return false;
        for (std::size_t at = 0; at < a.size(); ++at)
            if (a[at].from != b[at].from || a[at].to != b[at].to) return false;
        return true;
    }
    static void mark(std::vector<bool>& damaged, std::uint64_t from, std::uint64_t to) {
        for (std::uint64_t id = from; id <= to && id <= damaged.size(); ++id)
            damaged[static_cast<std::size_t>(id - 1)] = true;
    }
    // What is missing is the list of the tables, which the footer has as well.
    static bool only_the_list(const image_gap& gap, const loaded_image& found) {
        bytes list;
        append_image_tables(list, found.footer.tables);
        return gap.from == image_header_bytes &&
               gap.to - gap.from == image_block_bytes(list.size());
    }

    directory* directory_;
    database_id database_;
    bytes name_;
    Tables* tables_;
    recovery_listener listener_;
    void* listener_context_;
};

}  // namespace mantis
