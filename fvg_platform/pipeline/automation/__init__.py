"""Who starts what: schedules, sensors and declarative conditions."""
