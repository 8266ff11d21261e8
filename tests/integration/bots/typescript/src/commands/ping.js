throw new Error('is older than the source beside it');
