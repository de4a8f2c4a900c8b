"""Pure decisions: compare, order, guard, restore planning."""
