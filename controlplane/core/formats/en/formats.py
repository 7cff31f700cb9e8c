"""Times in columns of the admin: to the second, with the zone, as `format_time` prints them."""

DATE_FORMAT = "Y-m-d"
DATETIME_FORMAT = "Y-m-d H:i:s e"
