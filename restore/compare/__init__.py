"""A page that shows pictures beside what became of them. No torch here."""
