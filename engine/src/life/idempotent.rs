//! Going live with a publisher that drops doubles.

use std::sync::Arc;

use slipring_journal::{Event, ReadError, Reader};

use super::engine::Engine;
use super::recovered::Recovered;
use crate::error::BuildError;
use crate::publish::doubles::{Doubles, IdOf};
use crate::publish::idempotent::IdempotentPublisher;

impl<E: Event> Recovered<E> {
    /// As [`Recovered::go_live`], with a publisher that drops doubles. The window is read from the journal
    /// first: an event that an earlier life journalled is known, and so is all that this life publishes by it
    /// and its clones: what is live and what replay would find are the same. There is no other publisher but
    /// its plain clones ([`IdempotentPublisher::try_clone_plain`]), which are for events without an id.
    ///
    /// ```
    /// # use slipring::prelude::*;
    /// use slipring::Doubles;
    /// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Order { id: u64 }
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let open = || {
    /// #     let lane = Lane::named("main").journal();
    /// #     Engine::builder().journal(Journal::at(folder.path().join("orders"))).lane(lane).open()
    /// # };
    /// for life in 0..2 {
    ///     let doubles = Doubles::by(1024, |order: &Order| Some(u128::from(order.id)));
    ///     let (engine, mut publisher) = open()?.go_live_without_doubles(doubles)?;
    ///     assert_eq!(publisher.publish(Order { id: 7 })?.is_double(), life > 0);
    ///     engine.join()?;
    /// }
    /// # Ok::<(), slipring::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Recovered::go_live`]; [`BuildError::BadWindow`] and [`BuildError::WindowTooLarge`];
    /// [`BuildError::Read`] if the window's events can't be read.
    pub fn go_live_without_doubles<I: IdOf<E>>(
        self,
        doubles: Doubles<I>,
    ) -> Result<(Engine<E>, IdempotentPublisher<E, I>), BuildError> {
        let end = self.end_sequence();
        let seen = Arc::new(doubles.open::<E>(end)?);
        let (engine, publisher) = self.go_live()?;
        if let Some(files) = &engine.shared.outlet.journal {
            // Retention may take the oldest of them meanwhile: then the window is what is left.
            while let Err(error) =
                Reader::<E>::open_to(files.clone(), Some(end)).and_then(|mut reader| seen.read(&mut reader))
            {
                if !matches!(error, ReadError::Evicted { .. }) {
                    return Err(error.into());
                }
            }
        }
        Ok((engine, IdempotentPublisher::new(publisher, seen)))
    }
}
