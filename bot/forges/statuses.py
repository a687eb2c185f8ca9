"""What promobot's own status on a commit is called on every forge that tells statuses by their names."""

NAME = "promobot"
