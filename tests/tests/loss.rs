//! The promises of `throughline_tests::loss`, on fewer access units than `loss_table` sends.

use throughline_tests::loss::{CELLS, run};

const UNITS: u32 = 1_200;

#[test]
fn whatever_a_link_does_only_whole_pictures_come_out_and_all_that_can() {
    for cell in &CELLS {
        let outcome = run(cell, UNITS, 7).unwrap_or_else(|violation| panic!("{}: {violation}", cell.name));
        let (name, faults, stats) = (cell.name, cell.faults, outcome.stats);
        let is_perfect = stats.lost == 0;
        assert_eq!(outcome.delivered == u64::from(UNITS), is_perfect, "{name}");
        assert_eq!(stats.keyframe_requests == 0, is_perfect, "{name}");
        assert!(stats.idrs > 0, "{name}");

        // And the link did what its name says, as far as so short a run can tell: it has only a few long bursts.
        let lost = (stats.lost - stats.late) * 1000 / outcome.packets;
        let expected = u64::from(faults.loss + faults.truncated);
        let is_measurable = faults.burst < 8;
        assert!(
            !is_measurable || (expected / 3..=2 * expected).contains(&lost),
            "{name}: {stats:?}"
        );
        assert_eq!(stats.duplicates > 0, faults.duplicated > 0, "{name}");
        assert!(stats.late == 0 || faults.reordered > 0, "{name}");
        assert!(stats.late > 0 || faults.reordered_by.as_millis() <= 100, "{name}");
        assert_eq!(stats.malformed > 0, faults.truncated > 0, "{name}");
    }
}
